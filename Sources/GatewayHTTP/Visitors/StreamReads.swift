import GatewayCore
import Synchronization
import Timing

/// Bounds how many requests read a stream from some message on at the same time. Each has NATS make a consumer, of which the server allows an account so many:
/// without a bound whoever may ask for a status could take those that schedulers, name servers and proxies need.
final class StreamReads: Sendable {
    private struct State {
        var running = 0
        /// In the order in which they came.
        var waiting: [(ticket: UInt64, signal: AsyncStream<Void>.Continuation)] = []
        var nextTicket: UInt64 = 0
    }

    /// Reads at the same time. One takes a millisecond or two.
    static let limit = 32
    /// Requests that wait for their turn; further ones are refused at once.
    static let waitingLimit = 1024
    /// How long one waits.
    private let patience: Duration
    private let state = Mutex(State())

    init(patience: Duration = .seconds(5)) { self.patience = patience }

    var runningCount: Int { self.state.withLock { $0.running } }
    var waitingCount: Int { self.state.withLock { $0.waiting.count } }

    /// - Throws: that it is to be tried again if it is not its turn in time, or too many wait already.
    func run<Value>(_ read: () async throws(GatewayError) -> Value) async throws(GatewayError) -> Value {
        try await self.take()
        defer { self.giveBack() }
        return try await read()
    }

    /// Without a cause for the log, which strangers could fill.
    private static let busy = GatewayError(.other, detail: "Too many ask for statuses at the moment.", retryAfterSeconds: 2)

    private enum Turn { case now, full, later(UInt64, AsyncStream<Void>) }

    private func take() async throws(GatewayError) {
        let turn: Turn = self.state.withLock { state in
            guard state.running >= Self.limit else {
                state.running += 1
                return .now
            }
            guard state.waiting.count < Self.waitingLimit else { return .full }
            let (turns, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
            state.nextTicket += 1
            state.waiting.append((state.nextTicket, signal))
            return .later(state.nextTicket, turns)
        }
        switch turn {
        case .now: return
        case .full: throw Self.busy
        case .later(let ticket, let turns):
            _ = await withTimeLimit(self.patience) { () async -> Void in for await _ in turns { return } }
            // Whoever is not in the list any more was given a place.
            let isRefused = self.state.withLock { state in
                guard let index = state.waiting.firstIndex(where: { $0.ticket == ticket }) else { return false }
                state.waiting.remove(at: index)
                return true
            }
            if isRefused { throw Self.busy }
        }
    }

    private func giveBack() {
        let next: AsyncStream<Void>.Continuation? = self.state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.running -= 1
                return nil
            }
            // The place goes to the next one, so their number stays.
            return state.waiting.removeFirst().signal
        }
        next?.yield()
    }
}
