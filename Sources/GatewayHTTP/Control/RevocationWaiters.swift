import GatewayCore
import NATS
import PlaneClient
import PlaneProtocol
import Synchronization
import Timing

/// Hears what the proxies of the tier have ended because of revocations, and tells those who have asked for one.
final class RevocationWaiters: Sendable {
    private struct Waiter {
        /// What was reported since it waits, by the place of the revocation in the stream: reports may be here before that is known.
        var reports: [UInt64: [TierProcess: UInt64]] = [:]
        /// How many they are.
        var count = 0
        var sequence: UInt64?
        var expected: Set<TierProcess>
        var done: CheckedContinuation<Void, Never>?

        /// All processes that have answered.
        var answers: [TierProcess: UInt64] { self.sequence.flatMap { self.reports[$0] } ?? [:] }
        var isComplete: Bool { self.sequence != nil && self.expected.allSatisfy { self.answers[$0] != nil } }

        /// A proxy has answered when all of its processes have.
        var outcome: RevocationOutcome {
            let answers = self.answers
            let silent = Set(self.expected.filter { answers[$0] == nil }.map(\.name))
            let proxies = Set(answers.keys.map(\.name)).union(silent)
            return RevocationOutcome(proxies: proxies.count, answered: proxies.count - silent.count, ended: answers.values.reduce(0, &+))
        }
    }

    private struct State {
        var waiters: [UInt64: Waiter] = [:]
        var next: UInt64 = 0
    }

    private let state = Mutex(State())

    /// How long the proxies have for their answers; what was revoked is so without them.
    private static let limit: Duration = .milliseconds(1500)
    /// Reports that one waiter keeps, of all proxies and about all revocations: a proxy of the tier that was stolen can make up both.
    private static let reportLimit = 10_000

    func heard(_ report: ProxyRevocationReport) {
        let source = TierProcess(report)
        self.change { waiter in
            guard waiter.sequence == nil || waiter.sequence == report.sequence else { return }
            guard waiter.count < Self.reportLimit || waiter.reports[report.sequence]?[source] != nil else { return }
            if waiter.reports[report.sequence, default: [:]].updateValue(report.ended, forKey: source) == nil { waiter.count += 1 }
        }
    }

    /// How many reports are kept.
    var reportCount: Int { self.state.withLock { $0.waiters.values.reduce(0) { $0 + $1.count } } }

    /// Writes a revocation and waits for what comes of it.
    ///
    /// - Parameters:
    ///   - expected: Who is to answer.
    ///   - write: Returns the revocation's place in the stream.
    func outcome(
        of expected: Set<TierProcess>, _ write: () async throws(GatewayError) -> UInt64
    ) async throws(GatewayError) -> RevocationOutcome {
        let number = self.state.withLock { state in
            state.next += 1
            state.waiters[state.next] = Waiter(expected: expected)
            return state.next
        }
        defer { self.state.withLock { $0.waiters[number] = nil } }
        let sequence = try await write()
        self.state.withLock { state in
            state.waiters[number]?.sequence = sequence
            let reports = state.waiters[number]?.reports[sequence] ?? [:]
            state.waiters[number]?.reports = [sequence: reports]
            state.waiters[number]?.count = reports.count
        }
        _ = await withTimeLimit(Self.limit) { await self.wait(number) }
        return self.state.withLock { $0.waiters[number]?.outcome } ?? RevocationOutcome(proxies: 0, answered: 0, ended: 0)
    }

    private func wait(_ number: UInt64) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = self.state.withLock { state in
                    guard let waiter = state.waiters[number], !waiter.isComplete, !Task.isCancelled else { return true }
                    state.waiters[number]?.done = continuation
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            self.state.withLock { $0.waiters[number]?.done.take() }?.resume()
        }
    }

    private func change(_ body: (inout Waiter) -> Void) {
        let done = self.state.withLock { state in
            var done: [CheckedContinuation<Void, Never>] = []
            for number in Array(state.waiters.keys) {
                // Taken out, so that it is changed in place.
                guard var waiter = state.waiters.removeValue(forKey: number) else { continue }
                body(&waiter)
                if waiter.isComplete, let continuation = waiter.done.take() { done.append(continuation) }
                state.waiters[number] = waiter
            }
            return done
        }
        for continuation in done { continuation.resume() }
    }
}
