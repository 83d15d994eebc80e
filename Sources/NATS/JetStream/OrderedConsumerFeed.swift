import Dispatch
import Synchronization

/// Connects the threads that deliver to an ordered consumer with the task that reads it: by a bounded buffer of messages and signals, and a timer that
/// notices silence.
final class OrderedConsumerFeed: Sendable {
    /// Each has the generation that it belongs to.
    enum Entry: Sendable {
        case message(NATSMessage, generation: UInt64)
        case silence(generation: UInt64)
        case reconnected(generation: UInt64)
    }

    private struct Watch {
        var generation: UInt64 = 0
        /// Whether silence is to be reported.
        var isArmed = false
        /// Nanoseconds of `DispatchTime`.
        var lastHeard: UInt64 = 0
    }

    /// Flow control lets the server send at most 32 MiB ahead; small messages take more memory in Swift, which is counted here.
    private static let bytesLimit = 128 << 20
    /// So high that the limit in bytes is always reached first.
    private static let countLimit = 1 << 20

    let buffer = MessageBuffer<Entry>(countLimit: countLimit, bytesLimit: bytesLimit)
    private let watch = Mutex(Watch())
    private let silenceLimit: UInt64
    // Unsafe only by declaration: a dispatch source may be used from any thread.
    private nonisolated(unsafe) let timer: any DispatchSourceTimer

    /// - Parameter isConnected: while the connection is down, silence is not reported.
    init(timing: OrderedConsumerTiming, isConnected: @escaping @Sendable () -> Bool) {
        self.silenceLimit = timing.silenceLimit.unsignedNanoseconds
        self.timer = DispatchSource.makeTimerSource(queue: DispatchQueue(label: "nats.consumer"))
        let interval = DispatchTimeInterval.nanoseconds(Int(clamping: max(10_000_000, self.silenceLimit / 4)))
        self.timer.schedule(deadline: .now() + interval, repeating: interval, leeway: .milliseconds(50))
        self.timer.setEventHandler { [weak self] in
            if isConnected() { self?.checkSilence() }
        }
        self.timer.activate()
    }

    deinit { self.timer.cancel() }

    /// Whether the server was heard lately.
    var isAlive: Bool {
        let now = DispatchTime.now().uptimeNanoseconds
        return self.watch.withLock { $0.isArmed && now &- $0.lastHeard <= self.silenceLimit }
    }

    /// Called on the delivery thread of libnats. A message that does not fit is noticed as a gap and delivered again.
    func receive(_ message: NATSMessage, generation: UInt64) {
        self.heard()
        self.buffer.push(.message(message, generation: generation), bytes: message.bufferedBytes)
    }

    func reconnected() {
        let generation = self.watch.withLock { $0.generation }
        self.buffer.push(.reconnected(generation: generation), bytes: 0, force: true)
    }

    /// A new attempt begins; silence is not reported until `arm`.
    func begin(generation: UInt64) {
        self.watch.withLock { $0 = Watch(generation: generation) }
    }

    /// The consumer exists, so from now on silence is reported.
    func arm() {
        let now = DispatchTime.now().uptimeNanoseconds
        self.watch.withLock { watch in
            watch.isArmed = true
            watch.lastHeard = now
        }
    }

    private func heard() {
        let now = DispatchTime.now().uptimeNanoseconds
        self.watch.withLock { $0.lastHeard = now }
    }

    private func checkSilence() {
        // While there are unread messages, it is the reader that is slow, not the server.
        guard self.buffer.isEmpty else { return self.heard() }
        let now = DispatchTime.now().uptimeNanoseconds
        let generation: UInt64? = self.watch.withLock { watch in
            guard watch.isArmed, now &- watch.lastHeard > self.silenceLimit else { return nil }
            watch.isArmed = false
            return watch.generation
        }
        if let generation { self.buffer.push(.silence(generation: generation), bytes: 0, force: true) }
    }
}
