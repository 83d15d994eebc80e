import Synchronization

/// Counters of a server since its start. Event loops and UDP threads write them; the metrics read them.
package final class ServerCounters: Sendable {
    package struct Snapshot: Hashable, Sendable {
        package var udpQuestions = 0
        package var tcpQuestions = 0
        /// Messages that were not answered because they are not questions.
        package var ignored = 0
        /// Answers by response code.
        package var answers: [ResponseCode: Int] = [:]
        package var truncated = 0
        /// Answers that the rate limit withheld or truncated.
        package var limited = 0
        /// Answers dropped because the kernel did not take them.
        package var congested = 0
        package var connections = 0
        /// Connections that were closed because there were too many; those that were idle longest are closed first.
        package var displacedConnections = 0
        /// How often reading from a UDP socket has failed.
        package var failedReads = 0

        /// The counters of a new server.
        package static let zero = Snapshot()
    }

    let udpQuestions = Atomic(0)
    let tcpQuestions = Atomic(0)
    let ignored = Atomic(0)
    let truncated = Atomic(0)
    let limited = Atomic(0)
    let congested = Atomic(0)
    let connections = Atomic(0)
    let displacedConnections = Atomic(0)
    let failedReads = Atomic(0)
    private let noError = Atomic(0)
    private let formatError = Atomic(0)
    private let serverFailure = Atomic(0)
    private let nameError = Atomic(0)
    private let notImplemented = Atomic(0)
    private let refused = Atomic(0)
    private let badVersion = Atomic(0)

    package init() {}

    func count(_ code: ResponseCode) {
        switch code {
        case .noError: self.noError.add(1, ordering: .relaxed)
        case .formatError: self.formatError.add(1, ordering: .relaxed)
        case .nameError: self.nameError.add(1, ordering: .relaxed)
        case .notImplemented: self.notImplemented.add(1, ordering: .relaxed)
        case .refused: self.refused.add(1, ordering: .relaxed)
        case .badVersion: self.badVersion.add(1, ordering: .relaxed)
        default: self.serverFailure.add(1, ordering: .relaxed)
        }
    }

    package var snapshot: Snapshot {
        Snapshot(
            udpQuestions: self.udpQuestions.load(ordering: .relaxed), tcpQuestions: self.tcpQuestions.load(ordering: .relaxed),
            ignored: self.ignored.load(ordering: .relaxed),
            answers: [
                .noError: self.noError.load(ordering: .relaxed), .formatError: self.formatError.load(ordering: .relaxed),
                .serverFailure: self.serverFailure.load(ordering: .relaxed), .nameError: self.nameError.load(ordering: .relaxed),
                .notImplemented: self.notImplemented.load(ordering: .relaxed), .refused: self.refused.load(ordering: .relaxed),
                .badVersion: self.badVersion.load(ordering: .relaxed),
            ],
            truncated: self.truncated.load(ordering: .relaxed), limited: self.limited.load(ordering: .relaxed),
            congested: self.congested.load(ordering: .relaxed), connections: self.connections.load(ordering: .relaxed),
            displacedConnections: self.displacedConnections.load(ordering: .relaxed), failedReads: self.failedReads.load(ordering: .relaxed))
    }
}
