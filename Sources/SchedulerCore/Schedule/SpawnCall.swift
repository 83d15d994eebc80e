import NATS
import PlaneMessaging
import PlaneProtocol
import PlaneService
import Synchronization
import Timing

/// Asks one drone to run one backend, once or twice. An answer counts whichever of the two it belongs to, and is still listened for after the
/// schedule request has been answered.
final class SpawnCall: Sendable {
    private struct State {
        /// The answer to each ask so far; nil while there is none.
        var answers: [SpawnAnswer?] = []
        /// When the drone that has taken the backend expects it to be ready, in milliseconds.
        var estimate: UInt32?
        /// Wakes who waits.
        var signal: AsyncStream<Void>.Continuation?
        /// Called once if it turns out that the drone has refused every ask.
        var whenRefused: (@Sendable () -> Void)?
    }

    let spawn: SpawnRequest
    private let bus: PlaneBus
    private let timeLimit: Duration
    private let state = Mutex(State())

    /// - Parameter timeLimit: how long the answer to an ask is listened for.
    init(_ spawn: SpawnRequest, bus: PlaneBus, timeLimit: Duration) {
        self.spawn = spawn
        self.bus = bus
        self.timeLimit = timeLimit
    }

    /// In how many milliseconds the drone expects the backend to be ready; nil if it has not said.
    var estimateInMilliseconds: UInt32? { self.state.withLock { $0.estimate } }

    /// Asks, and waits for an answer to this ask or an earlier one.
    /// - Parameters:
    ///   - limit: how long a silent drone is waited for.
    ///   - longest: how long one is waited for that has refused an earlier ask: it is slow, and what it says to the last ask decides.
    func ask(within limit: Duration, atMost longest: Duration) async -> SpawnAnswer {
        let started = ContinuousClock.now
        let index = self.state.withLock { state in
            state.answers.append(nil)
            return state.answers.count - 1
        }
        self.bus.request(self.spawn, timeout: self.timeLimit) { self.received($0, at: index) }
        if let verdict = await self.verdict(within: limit) { return verdict }
        guard self.earlierRefusal != nil else { return .silent }
        if let verdict = await self.verdict(within: longest - (.now - started)) { return verdict }
        return self.earlierRefusal.map { .undecided($0.reason) } ?? .silent
    }

    /// - Returns: nil if there is none in time.
    private func verdict(within limit: Duration) async -> SpawnAnswer? {
        let (signals, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        // An answer that came before is found at the first turn.
        signal.yield()
        self.state.withLock { $0.signal = signal }
        let verdict = await withTimeLimit(limit) { () async -> SpawnAnswer? in
            for await _ in signals {
                if let verdict = self.state.withLock({ Self.verdict(on: $0.answers) }) { return verdict }
            }
            return nil
        }
        return verdict ?? nil
    }

    private struct Refusal {
        /// Nil if the drone gave none.
        let reason: ErrorReply?
    }

    /// The last refusal so far.
    private var earlierRefusal: Refusal? {
        self.state.withLock { state in
            for case .refused(let reason)? in state.answers.reversed() { return Refusal(reason: reason) }
            return nil
        }
    }

    /// Called when the schedule request no longer waits: `handler` is called once if the drone has refused every ask, or does so later.
    func whenRefused(_ handler: @escaping @Sendable () -> Void) {
        let isRefused = self.state.withLock { state in
            let isRefused = Self.areRefusals(state.answers)
            if !isRefused { state.whenRefused = handler }
            return isRefused
        }
        if isRefused { handler() }
    }

    /// On a thread of the connection.
    private func received(_ result: Result<PlaneBus.Answer<SpawnRequest>, BusRequestError>, at index: Int) {
        let (signal, handler) = self.state.withLock { state in
            state.answers[index] = SpawnAnswer(result)
            if let text = try? result.get().headers[SpawnRequest.readyInHeader] { state.estimate = UInt32(text) }
            guard Self.areRefusals(state.answers) else { return (state.signal, nil as (@Sendable () -> Void)?) }
            defer { state.whenRefused = nil }
            return (state.signal, state.whenRefused)
        }
        signal?.yield()
        handler?()
    }

    /// The outcome of all answers so far; nil while there is none.
    ///
    /// A drone that has accepted once runs the backend. A refusal counts only as the answer to the last ask, because the drone may refuse the
    /// first one and accept the second.
    private static func verdict(on answers: [SpawnAnswer?]) -> SpawnAnswer? {
        answers.contains(.accepted) ? .accepted : answers.last ?? nil
    }

    private static func areRefusals(_ answers: [SpawnAnswer?]) -> Bool {
        answers.allSatisfy { answer in
            switch answer {
            case .refused, .nobody: true
            case .accepted, .silent, .undecided, nil: false
            }
        }
    }
}

extension SpawnAnswer {
    fileprivate init(_ result: Result<PlaneBus.Answer<SpawnRequest>, BusRequestError>) {
        switch result {
        case .success(let answer): self = answer.reply ? .accepted : .refused(answer.reason)
        case .failure(.refused(let reply)): self = .refused(reply)
        case .failure(.transport(let error)) where error.code == .noResponders: self = .nobody
        case .failure(.transport(let error)) where error.code == .payloadTooLarge: self = .refused(.requestTooLarge)
        case .failure: self = .silent
        }
    }
}
