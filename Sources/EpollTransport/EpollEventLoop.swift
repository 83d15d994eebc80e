import CEpoll
package import Dispatch
package import NIOCore
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// A thread that waits with epoll(7) and calls the handlers of the descriptors that became ready.
///
/// It is an event loop in the sense of SwiftNIO: SwiftNIO's futures, handlers and protocols work on it as on any other.
///
/// One turn: wait for the kernel, call the handler of each event, call the handlers that deferred work to this turn, run the timers that are
/// due, run the tasks that other threads submitted.
///
/// ## Why it exists beside SwiftNIO's event loop
///
/// For the price of a short connection. A channel of SwiftNIO costs four calls of epoll_ctl(2) and two for addresses per connection, and a
/// pipeline, promises and a registration in memory; none of it can be avoided from outside. Here a descriptor is watched once, edge-triggered,
/// for as long as it is open; it is read into a buffer that the whole loop shares; and where nothing transforms the bytes (no TLS, no HTTP/2)
/// there is no pipeline. Processor time per request relative to nginx, `scripts/bench proxy`, both loops on one machine in one run, of the day when
/// this one replaced SwiftNIO's (what the proxy takes now is in `dev/docs/benchmarks.md`, where its other parts have a share, too):
///
/// | workload | on SwiftNIO's loop | on this one |
/// |---|---|---|
/// | a connection for each request | 1.42 | 1.00 |
/// | small responses, keep-alive | 0.93 to 1.05 | 0.87 |
/// | 64 KiB responses | 0.74 | 0.59 |
/// | a WebSocket's echo, 100 connections | 1.4 | 1.08 |
///
/// The budget is 1.05 of nginx for small responses and 1.15 for the other rows. This target should be removed as soon as SwiftNIO's own
/// sockets keep that budget in the same bench: when a descriptor can be watched there without a channel, or a channel costs no more than the
/// first row allows. ``StreamSocketChannel`` and this class pass the same tests as SwiftNIO's types, so that nothing else has to change then.
///
/// Sendable because everything that is not behind `inbox` is touched by the loop's own thread only.
package final class EpollEventLoop: EventLoop, @unchecked Sendable {
    private struct Inbox {
        var tasks: [@Sendable () -> Void] = []
        /// The loop was woken and has not looked into the inbox yet.
        var isWoken = false
        /// Called when the loop has ended.
        var whenEnded: [@Sendable () -> Void] = []
        var isEnding = false
        /// Whether the loop has ended, so that tasks submitted now never run.
        var hasEnded = false
    }

    private struct Registration {
        var handler: (any ReadinessHandler)?
        /// Distinguishes events of this user of a descriptor's number from those of an earlier one; one wait may return both.
        var generation: UInt32 = 0
    }

    private static let eventsPerWait: CInt = 256
    /// The value for the descriptor that wakes the loop, in place of a number and a generation.
    private static let wakeUpData = UInt64.max

    private let name: String
    private let epoll: CInt
    private let wakeUp: CInt
    private let inbox = Mutex(Inbox())
    /// The number of the loop's thread while that runs, from before the first task.
    private let thread = Atomic<UInt>(0)

    // Used by the loop's thread only.
    private var registrations: [Registration] = []
    /// Handlers that asked for another turn before the loop waits again.
    private var deferred: [any ReadinessHandler] = []
    private var timers = TimerQueue()
    private var resting = RestingChannels()
    /// The buffer into which the sockets of this loop are read, one at a time. Whoever wants to keep bytes takes them out.
    @exclusivity(unchecked) var scratch: ByteBuffer

    /// - Parameter readBytes: how many bytes one read takes at most.
    init(name: String, readBytes: Int) {
        self.name = name
        self.scratch = ByteBufferAllocator().buffer(capacity: readBytes)
        self.epoll = epoll_create1(CInt(EPOLL_CLOEXEC))
        self.wakeUp = eventfd(0, CInt(EFD_CLOEXEC | EFD_NONBLOCK))
        precondition(self.epoll >= 0 && self.wakeUp >= 0, "an event loop has no descriptors to wait with: \(Self.reason())")
        // Edge-triggered, so that the descriptor need not be read.
        let error = self.control(EPOLL_CTL_ADD, self.wakeUp, ReadyEvents.input.rawValue | EPOLLET.rawValue, data: Self.wakeUpData)
        precondition(error == 0, "an event loop cannot be woken: \(Self.reason())")
        self.start()
    }

    /// Not closed when the loop ends, because a thread that has just submitted a task may be about to write to it.
    deinit {
        Glibc.close(self.wakeUp)
        Glibc.close(self.epoll)
    }

    private static func reason() -> String { String(cString: strerror(errno)) }

    private func start() {
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { pointer in
                guard let pointer else { preconditionFailure("a thread is started with its loop") }
                let loop = Unmanaged<EpollEventLoop>.fromOpaque(pointer).takeRetainedValue()
                loop.thread.store(UInt(pthread_self()), ordering: .relaxed)
                cepoll_name_thread(loop.name)
                loop.run()
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        precondition(result == 0, "a thread for an event loop cannot be made: \(String(cString: strerror(result)))")
        pthread_detach(thread)
    }

    // MARK: The turn

    private func run() {
        let events = UnsafeMutablePointer<epoll_event>.allocate(capacity: Int(Self.eventsPerWait))
        defer { events.deallocate() }
        while true {
            let count = epoll_wait(self.epoll, events, Self.eventsPerWait, self.pollTimeout())
            precondition(count >= 0 || errno == EINTR, "an event loop cannot wait: \(Self.reason())")
            for index in 0..<max(0, Int(count)) { self.deliver(events[index]) }
            self.runDeferred()
            self.runDue()
            if self.runSubmitted() { break }
        }
        self.end()
    }

    /// How many milliseconds to wait at most: 0 if there is work to do, -1 without a limit. Rounded up, since a loop that wakes too early finds nothing to do
    /// and waits again.
    private func pollTimeout() -> CInt {
        if !self.deferred.isEmpty { return 0 }
        guard let next = self.timers.nextDeadline else { return -1 }
        let nanoseconds = (next - .now()).nanoseconds
        return nanoseconds <= 0 ? 0 : CInt(clamping: (nanoseconds + 999_999) / 1_000_000)
    }

    private func deliver(_ event: epoll_event) {
        let data = event.data.u64
        if data == Self.wakeUpData { return }
        let descriptor = Int(UInt32(truncatingIfNeeded: data))
        guard descriptor < self.registrations.count, self.registrations[descriptor].generation == UInt32(data >> 32),
            let handler = self.registrations[descriptor].handler
        else { return }
        handler.becameReady(ReadyEvents(rawValue: event.events))
    }

    private func runDeferred() {
        if self.deferred.isEmpty { return }
        let handlers = self.deferred
        self.deferred = []
        for handler in handlers { handler.runDeferred() }
    }

    private func runDue() {
        guard let next = self.timers.nextDeadline else { return }
        let now = NIODeadline.now()
        guard next <= now else { return }
        while let work = self.timers.takeDue(at: now) { work() }
    }

    /// Runs the submitted tasks; returns true once the loop is to end.
    private func runSubmitted() -> Bool {
        let (tasks, isEnding) = self.takeSubmitted()
        for task in tasks { task() }
        return isEnding
    }

    private func takeSubmitted() -> (tasks: [@Sendable () -> Void], isEnding: Bool) {
        self.inbox.withLock { inbox in
            defer { inbox.tasks = [] }
            inbox.isWoken = false
            return (inbox.tasks, inbox.isEnding)
        }
    }

    private func end() {
        // Tasks that are submitted meanwhile may open something again.
        var hasEnded = false
        while !hasEnded {
            self.endHandlers()
            for giveUp in self.timers.giveUpAll() { giveUp() }
            let tasks = self.takeSubmitted().tasks
            for task in tasks { task() }
            hasEnded =
                tasks.isEmpty
                && self.inbox.withLock { inbox in
                    inbox.hasEnded = inbox.tasks.isEmpty
                    return inbox.hasEnded
                }
        }
        self.deferred = []
        self.resting = RestingChannels()
        self.thread.store(0, ordering: .relaxed)  // another thread may get this one's number
        for tell in self.inbox.withLock({ $0.whenEnded }) { tell() }
    }

    private func endHandlers() {
        for registration in self.registrations { registration.handler?.loopEnds() }
    }

    // MARK: Descriptors

    /// Watches a non-blocking descriptor. Nil if the kernel refuses; errno says why.
    ///
    /// - Parameters:
    ///   - events: the events to report. Errors and hang-ups are always reported.
    ///   - isEdgeTriggered: true reports changes only, false the state in every turn.
    func watch(_ descriptor: CInt, _ events: ReadyEvents, isEdgeTriggered: Bool = true, _ handler: any ReadinessHandler) -> Watch? {
        let index = Int(descriptor)
        if index >= self.registrations.count {
            self.registrations += repeatElement(Registration(), count: max(64, index + 1 - self.registrations.count))
        }
        self.registrations[index].generation &+= 1
        let generation = self.registrations[index].generation
        let watch = Watch(data: UInt64(generation) << 32 | UInt64(descriptor), mode: isEdgeTriggered ? EPOLLET.rawValue : 0)
        guard self.control(EPOLL_CTL_ADD, descriptor, events.rawValue | watch.mode, data: watch.data) == 0 else { return nil }
        self.registrations[index].handler = handler
        return watch
    }

    /// Refers to a descriptor that is being watched.
    struct Watch {
        fileprivate let data: UInt64
        fileprivate let mode: UInt32

        var descriptor: CInt { CInt(truncatingIfNeeded: UInt32(truncatingIfNeeded: self.data)) }
    }

    /// Changes the events that are reported; a state that holds already is reported at once.
    func change(_ watch: Watch, to events: ReadyEvents) {
        let result = self.control(EPOLL_CTL_MOD, watch.descriptor, events.rawValue | watch.mode, data: watch.data)
        precondition(result == 0, "a descriptor that is watched is still open: \(Self.reason())")
    }

    /// Reports nothing more. The caller closes the descriptor next, which removes it from epoll. A process that is just being started may still have a copy,
    /// so that events come; they are recognized by their generation.
    func forget(_ watch: Watch) {
        self.registrations[Int(watch.descriptor)].handler = nil
    }

    /// Reports nothing more, as `forget` does, and removes the descriptor from epoll: needed where other processes keep using it, since closing it
    /// here would not remove it.
    func unwatch(_ watch: Watch) {
        self.forget(watch)
        _ = self.control(EPOLL_CTL_DEL, watch.descriptor, 0, data: watch.data)
    }

    private func control(_ operation: CInt, _ descriptor: CInt, _ events: UInt32, data: UInt64) -> CInt {
        var event = epoll_event(events: events, data: epoll_data_t(u64: data))
        return epoll_ctl(self.epoll, operation, descriptor, &event)
    }

    /// Calls ``ReadinessHandler/runDeferred()`` once, after the handlers of all events that the kernel has reported by now.
    package func deferTurn(of handler: any ReadinessHandler) {
        self.deferred.append(handler)
    }

    // MARK: Memory

    /// The channel has flushed so often by now.
    func note(_ channel: StreamSocketChannel, flushes: UInt32, at now: NIODeadline) {
        self.resting.note(channel, flushes: flushes, at: now)
    }

    /// Gives memory back to the system that is only needed to send, of channels that have sent nothing for two seconds. To be called about as often where
    /// channels have handlers that encrypt.
    package func giveIdleMemoryBack(at now: NIODeadline) {
        while let (channel, flushes) = self.resting.take(at: now) { channel.rest(flushes: flushes, at: now) }
    }

    // MARK: EventLoop

    package var inEventLoop: Bool { self.thread.load(ordering: .relaxed) == UInt(pthread_self()) }

    /// Runs the task in the loop's next turn. Once the loop has ended the task never runs, and that is not reported.
    package func execute(_ task: @escaping @Sendable () -> Void) {
        let isAsleep = self.inbox.withLock { inbox in
            if inbox.hasEnded { return false }
            inbox.tasks.append(task)
            defer { inbox.isWoken = true }
            return !inbox.isWoken
        }
        if isAsleep { self.wake() }
    }

    private func wake() {
        var one: UInt64 = 1
        write(self.wakeUp, &one, 8)
    }

    package func scheduleTask<T>(deadline: NIODeadline, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
        let promise = self.makePromise(of: T.self)
        let timer = TimerQueue.Timer(deadline: deadline) {
            do { promise.assumeIsolatedUnsafeUnchecked().succeed(try task()) } catch { promise.fail(error) }
        } giveUp: {
            promise.fail(EventLoopError.shutdown)
        }
        let bound = NIOLoopBoundBox.makeBoxSendingValue(timer, as: TimerQueue.Timer.self, eventLoop: self)
        self.onThread { self.timers.add(bound.value) }
        return Scheduled(promise: promise) {
            self.onThread { self.timers.cancel(bound.value) }
        }
    }

    package func scheduleTask<T>(in delay: TimeAmount, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
        self.scheduleTask(deadline: .now() + delay, task)
    }

    private func onThread(_ body: @escaping @Sendable () -> Void) {
        if self.inEventLoop { body() } else { self.execute(body) }
    }

    /// Fails, because a loop is only ended with its group.
    package func shutdownGracefully(queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void) {
        queue.async { callback(EventLoopError.unsupportedOperation) }
    }

    /// Ends the thread after its next turn, and lets the handlers close everything that is open.
    func end(_ whenEnded: @escaping @Sendable () -> Void) {
        let (hasEnded, isAsleep) = self.inbox.withLock { inbox in
            if inbox.hasEnded { return (true, false) }
            inbox.isEnding = true
            inbox.whenEnded.append(whenEnded)
            defer { inbox.isWoken = true }
            return (false, !inbox.isWoken)
        }
        if isAsleep { self.wake() }
        if hasEnded { whenEnded() }
    }
}
