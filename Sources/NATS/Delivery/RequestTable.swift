import Dispatch
import Synchronization

/// The requests in flight of one connection: one wildcard subscription for all answers, one timer for all deadlines, no
/// thread and no task per request.
final class RequestTable: MessageSink {
    typealias Answer = Result<NATSMessage, NATSError>

    private struct Entry {
        /// Called once, on the thread that brings the answer; must not block.
        var finish: @Sendable (Answer) -> Void
        /// Nanoseconds of `DispatchTime`.
        var deadline: UInt64
        var attempt: String
        /// The subject of the request.
        var subject: String
        var awaits: AwaitedAnswer
        /// Whether draining the connection waits for this request.
        var isHurried = true
    }

    private struct State {
        var entries: [UInt64: Entry] = [:]
        /// How many entries draining the connection waits for.
        var hurried = 0
        var deadlines = DeadlineQueue()
        /// The deadline that the timer is set to.
        var armed: UInt64?
        var nextID: UInt64 = 0
        /// The reason why no further requests are accepted; nil while they are.
        var refusal: NATSError.Code?
        /// Called when nothing is in flight that draining waits for.
        var idleHandlers: [@Sendable () -> Void] = []
    }

    /// How many requests may be in flight; each keeps a suspended task. Far above what one process of plane ever sends.
    static let inFlightLimit = 65_536

    /// Answers arrive on `<inbox>.<number>`.
    let inbox: String
    // Unsafe only by declaration: a dispatch source may be used from any thread.
    private nonisolated(unsafe) let timer: any DispatchSourceTimer
    private let state = Mutex(State())

    /// What the server's message without a body and with this status means: nobody listens on the subject.
    private static let noRespondersStatus = "503"

    init(inbox: String) {
        self.inbox = inbox
        self.timer = DispatchSource.makeTimerSource(queue: DispatchQueue(label: "nats.deadlines"))
        self.timer.setEventHandler { [weak self] in self?.expire() }
        self.timer.activate()
    }

    deinit { self.timer.cancel() }

    /// The subject to subscribe to.
    var subscription: String { "\(self.inbox).*" }

    /// A reply subject whose messages are dropped, for calls whose answer is not needed.
    var nobody: String { "\(self.inbox).0" }

    /// Sends a request and waits for the first answer, the deadline, or cancellation.
    /// - Parameters:
    ///   - answer: which message counts as an answer.
    ///   - attempt: what is being tried, for the error.
    ///   - send: is given the reply subject. An error that it throws ends the request.
    func request(
        to subject: String, timeout: Duration, awaiting answer: AwaitedAnswer = .anything, attempt: @Sendable @autoclosure () -> String,
        send: (_ reply: String) throws(NATSError) -> Void
    ) async throws(NATSError) -> NATSMessage {
        let attempt = attempt()
        let id = self.newID()
        let answer: Answer = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let entry = Entry(
                    finish: { continuation.resume(returning: $0) },
                    deadline: DispatchTime.now().uptimeNanoseconds &+ timeout.unsignedNanoseconds, attempt: attempt, subject: subject,
                    awaits: answer)
                self.begin(id, entry, send: send)
            }
        } onCancel: {
            self.finish(id) { .failure(NATSError(.cancelled, attempt: $0)) }
        }
        return try answer.get()
    }

    /// Sends a request without waiting. `finish` is called once, on the thread that brings the answer. Draining the connection does not wait for it.
    func request(
        to subject: String, timeout: Duration, awaiting answer: AwaitedAnswer, attempt: String, finish: @escaping @Sendable (Answer) -> Void,
        send: (_ reply: String) throws(NATSError) -> Void
    ) {
        let entry = Entry(
            finish: finish, deadline: DispatchTime.now().uptimeNanoseconds &+ timeout.unsignedNanoseconds, attempt: attempt, subject: subject,
            awaits: answer, isHurried: false)
        self.begin(self.newID(), entry, send: send)
    }

    private func newID() -> UInt64 {
        self.state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
    }

    private func begin(_ id: UInt64, _ entry: Entry, send: (_ reply: String) throws(NATSError) -> Void) {
        if let code = self.insert(id, entry) {
            entry.finish(.failure(NATSError(code, attempt: entry.attempt)))
            return
        }
        do throws(NATSError) {
            try send("\(self.inbox).\(id)")
        } catch {
            self.finish(id) { _ in .failure(error) }
        }
    }

    /// Handles an answer, on the delivery thread of libnats. Later answers to the same request are dropped.
    func receive(_ message: NATSMessage) {
        guard let id = UInt64(message.subject.utf8.suffixAfterLastDot) else { return }
        // Asked in this order, since publishers wait for acknowledgements only, and reading one as JSON takes long.
        if self.state.withLock({ $0.entries[id]?.awaits == .anythingButAcknowledgement }), PublishAck.isAcknowledgement(message.payload) { return }
        self.finish(id) { attempt in
            guard message.payload.isEmpty, message.status == Self.noRespondersStatus else { return .success(message) }
            return .failure(NATSError(.noResponders, attempt: attempt))
        }
    }

    /// Does nothing: when the connection is made anew, the subscription is, too.
    func completed() {}

    /// Does nothing: requests in flight still get their answers, and readers that finish may send more.
    func connectionDraining() {}

    func connectionClosed() {
        self.refuse(.closed)
        self.failAll(.closed)
    }

    /// Fails all requests in flight, because their answers can no longer arrive.
    func failAll(_ code: NATSError.Code, hint: String? = nil) {
        let entries = self.state.withLock { state in
            defer {
                state.entries = [:]
                state.hurried = 0
            }
            return state.entries
        }
        for entry in entries.values { entry.finish(.failure(NATSError(code, attempt: entry.attempt, hint: hint))) }
        self.callIdleHandlers()
    }

    /// Fails the requests to a subject on which the server does not permit publishing: nobody has got them, so no answer will come.
    func failRefused(subject: String, detail: String) {
        let ids = self.state.withLock { state in state.entries.filter { $0.value.subject == subject }.map(\.key) }
        for id in ids {
            self.finish(id) { .failure(NATSError(.permissionDenied, attempt: $0, detail: detail, hint: "its permissions name what this user may publish")) }
        }
    }

    /// Accepts no further requests; those in flight continue.
    func refuse(_ code: NATSError.Code) { self.state.withLock { $0.refusal = code } }

    /// Calls `handler` once no request is in flight that draining waits for. At the latest that is so when their deadlines have passed.
    func whenIdle(_ handler: @escaping @Sendable () -> Void) {
        let isIdle = self.state.withLock { state in
            if state.hurried > 0 { state.idleHandlers.append(handler) }
            return state.hurried == 0
        }
        if isIdle { handler() }
    }

    /// - Returns: why the request is not accepted; nil if it is.
    private func insert(_ id: UInt64, _ entry: Entry) -> NATSError.Code? {
        self.state.withLock { state in
            if let refusal = state.refusal { return refusal }
            if state.entries.count >= Self.inFlightLimit { return .tooManyRequests }
            // A cancellation before this line is noticed here; after a later one `finish` finds the entry.
            if Task.isCancelled { return .cancelled }
            state.entries[id] = entry
            if entry.isHurried { state.hurried += 1 }
            if state.deadlines.count > 2 * state.entries.count + 1024 {
                state.deadlines.rebuild(state.entries.lazy.map { (id: $0.key, deadline: $0.value.deadline) })
            } else {
                state.deadlines.insert(id, deadline: entry.deadline)
            }
            self.arm(&state)
            return nil
        }
    }

    private func finish(_ id: UInt64, _ answer: (_ attempt: String) -> Answer) {
        let (entry, isLast) = self.state.withLock { state in
            let entry = state.entries.removeValue(forKey: id)
            if entry?.isHurried == true { state.hurried -= 1 }
            return (entry, state.hurried == 0 && !state.idleHandlers.isEmpty)
        }
        guard let entry else { return }
        entry.finish(answer(entry.attempt))
        if isLast { self.callIdleHandlers() }
    }

    private func expire() {
        let now = DispatchTime.now().uptimeNanoseconds
        let ids = self.state.withLock { state in
            let ids = state.deadlines.popExpired(now: now)
            state.armed = nil
            if !state.entries.isEmpty { self.arm(&state) }
            return ids
        }
        for id in ids { self.finish(id) { .failure(NATSError(.timedOut, attempt: $0)) } }
    }

    /// Sets the timer, unless it is set to an earlier time. Setting it makes no callbacks, so it may be done under the lock.
    private func arm(_ state: inout State) {
        guard let earliest = state.deadlines.earliest, state.armed.map({ earliest < $0 }) ?? true else { return }
        state.armed = earliest
        self.timer.schedule(deadline: DispatchTime(uptimeNanoseconds: earliest), leeway: .milliseconds(1))
    }

    private func callIdleHandlers() {
        let handlers = self.state.withLock { state in
            defer { state.idleHandlers = [] }
            return state.idleHandlers
        }
        for handler in handlers { handler() }
    }
}

extension String.UTF8View {
    /// The last token of a subject.
    fileprivate var suffixAfterLastDot: Substring {
        let start = self.lastIndex(of: UInt8(ascii: ".")).map { self.index(after: $0) } ?? self.startIndex
        return Substring(self[start...])
    }
}

/// Which message ends a request.
package enum AwaitedAnswer: Sendable, Hashable {
    /// The first message.
    case anything
    /// The first message that is no acknowledgement of JetStream. If a stream covers the request's subject, the server stores the request and sends an
    /// acknowledgement to the requester before any service can answer.
    case anythingButAcknowledgement
}
