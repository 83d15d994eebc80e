import GatewayCore
import PlaneProtocol

/// The statuses of a cluster's backends as one reader is told them, each at most once.
struct ClusterFeed {
    private var histories: [BackendID: StatusHistory] = [:]

    /// Of how many backends is remembered what was told. Beyond that all is forgotten, and read from the stream when the next message of a backend comes.
    private let limit: Int

    init(limit: Int = 10_000) {
        self.limit = limit
    }

    /// - Parameter earlier: reads what was published of the backend; called where that is not known here.
    mutating func apply(
        _ message: BackendStateMessage, earlier: (BackendID) async throws(GatewayError) -> [BackendStateMessage]
    ) async throws(GatewayError) -> [StatusEntry] {
        var history = self.histories[message.backend] ?? StatusHistory()
        // After the end of a backend its id may be given to another one.
        if let end = history.last, history.hasEnded, !message.state.isTerminal, message.time.stateTime > end.time { history = StatusHistory() }
        if history.last == nil, message.state != .loading {
            // How an end was asked for is told by the messages before it.
            for known in try await earlier(message.backend).prefix(while: { $0 != message }) { _ = history.apply(known) }
        }
        defer {
            if self.histories[message.backend] == nil, self.histories.count >= self.limit { self.histories = [:] }
            self.histories[message.backend] = history
        }
        return history.apply(message)
    }
}
