import DroneStore
import PlaneProtocol
import Synchronization
import Timing

/// One program that an operator runs in a container, or one copy: carries bytes between the engine and the operator's requests.
final class ExecSession: Sendable {
    private struct State {
        var queues = ExecQueues()
        var hasBegun = false
        /// When the operator last asked for output, by `AgentTime.uptime`.
        var lastAsked: Duration
        var lastTicket: UInt64 = 0
        var waiters: [UInt64: AsyncStream<Void>.Continuation] = [:]
    }

    let request: ExecRequest
    private let time: AgentTime
    private let state: Mutex<State>

    /// How often to check whether the operator is still there.
    private static let watchInterval: Duration = .seconds(5)
    /// How long a program may run after its input has ended because the operator is gone.
    private static let endPause: Duration = .seconds(1)
    /// How long the engine may take to begin; less than the operator waits for an answer.
    private static let beginLimit: Duration = .seconds(8)

    init(_ request: ExecRequest, time: AgentTime) {
        self.request = request
        self.time = time
        self.state = Mutex(State(lastAsked: time.uptime()))
    }

    // MARK: Requests

    /// Waits until the program or copy has begun.
    func awaitBegin() async -> Result<UnitReply, ErrorReply> {
        let outcome = await self.wait(within: Self.beginLimit) { (state) -> Result<UnitReply, ErrorReply>? in
            if state.hasBegun { return .success(UnitReply()) }
            guard case .failed(let text)? = state.queues.end else { return nil }
            return .failure(ErrorReply(code: .unavailable, message: text))
        }
        return outcome ?? .failure(ErrorReply(code: .unavailable, message: "the container engine has not begun yet; ask again"))
    }

    /// Waits until some of the input has been accepted.
    func take(_ input: ExecInput) async -> Result<ExecInputTaken, ErrorReply> {
        let outcome = await self.wait(within: ExecOutput.longestWait) { (state) -> Result<ExecInputTaken, ErrorReply>? in
            do throws(ErrorReply) {
                if let taken = try state.queues.take(input) { return .success(ExecInputTaken(taken: taken)) }
                return state.queues.end == nil ? nil : .failure(ErrorReply(code: .badRequest, message: "it has ended"))
            } catch {
                return .failure(error)
            }
        }
        self.changed()
        // Nothing was accepted, so the offset is as before.
        return outcome ?? .success(ExecInputTaken(taken: input.offset))
    }

    /// Waits until there is output, within limits.
    func output(after number: UInt64) async -> Result<ExecOutput, ErrorReply> {
        self.state.withLock { $0.lastAsked = self.time.uptime() }
        let outcome = await self.wait(within: ExecOutput.longestWait) { (state) -> Result<ExecOutput, ErrorReply>? in
            do throws(ErrorReply) {
                return try state.queues.output(after: number).map { .success($0) }
            } catch {
                return .failure(error)
            }
        }
        self.state.withLock { $0.lastAsked = self.time.uptime() }
        self.changed()
        return outcome ?? .success(.nothingYet)
    }

    // MARK: Work

    /// Does the work, and returns when the operator knows that it has ended, or is gone.
    /// - Parameter ended: called once with the outcome.
    func run(_ access: any EngineAccess, in container: ContainerHandle, ended: @Sendable (ExecQueues.End) -> Void) async {
        let port = ExecPort(
            began: { self.change { $0.hasBegun = true } },
            wrote: { stream, bytes in
                self.change { $0.queues.write(bytes, to: stream) }
                _ = await self.wait { $0.queues.hasRoom ? true : nil }
            },
            nextInput: {
                let next = await self.wait { $0.queues.nextInput() }
                self.changed()
                return next
            })
        let end = await withTaskGroup(of: ExecQueues.End?.self) { group in
            group.addTask {
                do throws(BackendEngineError) {
                    return .exited(try await access.run(self.request.work, in: container, port))
                } catch {
                    return .failed(error.message)
                }
            }
            group.addTask {
                await self.waitUntilAbandoned()
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
        let outcome = end ?? .failed("nobody has asked for its output any more")
        self.change { $0.queues.finish(outcome) }
        ended(outcome)
        _ = await withTaskGroup(of: Void.self) { group in
            group.addTask { _ = await self.wait { $0.queues.isOver ? true : nil } }
            group.addTask { await self.waitUntilUnasked() }
            await group.next()
            group.cancelAll()
        }
    }

    /// Returns some time after the operator's last request, when the program has been told.
    private func waitUntilAbandoned() async {
        await self.waitUntilUnasked()
        guard !Task.isCancelled else { return }
        self.change { $0.queues.abandon(hasTerminal: self.request.work.hasTerminal) }
        try? await self.time.sleep(Self.endPause)
    }

    private func waitUntilUnasked() async {
        while !Task.isCancelled {
            try? await self.time.sleep(Self.watchInterval)
            let last = self.state.withLock { $0.lastAsked }
            if self.time.uptime() - last >= ExecOutput.abandonedAfter { return }
        }
    }

    // MARK: Waiting

    private func change(_ body: (inout State) -> Void) {
        self.state.withLock { body(&$0) }
        self.changed()
    }

    private func changed() {
        let waiters = self.state.withLock { Array($0.waiters.values) }
        for waiter in waiters { waiter.yield() }
    }

    private func wait<Answer: Sendable>(
        within limit: Duration, _ answer: @escaping @Sendable (inout State) -> Answer?
    ) async -> Answer? {
        await withTimeLimit(limit, sleep: self.time.sleep) { () async -> Answer? in await self.wait(answer) } ?? nil
    }

    /// Returns what `answer` finds as soon as it finds something; nil when the task is cancelled.
    private func wait<Answer: Sendable>(_ answer: @Sendable (inout State) -> Answer?) async -> Answer? {
        if let found = self.state.withLock({ answer(&$0) }) { return found }
        let (wakes, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let ticket = self.state.withLock { state in
            state.lastTicket += 1
            state.waiters[state.lastTicket] = signal
            return state.lastTicket
        }
        defer { self.state.withLock { $0.waiters[ticket] = nil } }
        // The condition is checked again after the waiter is registered, so that no change goes unnoticed.
        signal.yield()
        for await _ in wakes {
            if let found = self.state.withLock({ answer(&$0) }) { return found }
        }
        return nil
    }
}

extension ExecRequest.Work {
    var hasTerminal: Bool {
        switch self {
        case .run(let program): program.terminal != nil
        case .copyFrom, .copyTo: false
        }
    }
}
