import Dispatch
import Synchronization

/// Connects the threads that deliver to an ordered consumer with the task that reads it: a bounded buffer of messages and signals, and a timer that
/// notices silence.
final class OrderedConsumerFeed: Sendable {
    /// Each tagged with the generation it belongs to.
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

    /// Flow control lets the server send at most 32 MiB ahead; counted with what Swift adds, small messages take more.
    private static let bytesLimit = 128 << 20
    /// Never the first limit to be met.
    private static let countLimit = 1 << 20

    let buffer = MessageBuffer<Entry>(countLimit: countLimit, bytesLimit: bytesLimit)
    private let watch = Mutex(Watch())
    private let silenceLimit: UInt64
    // Unsafe only by declaration: a dispatch source may be used from any thread.
    private nonisolated(unsafe) let timer: any DispatchSourceTimer

    /// - Parameter isConnected: silence is no news while the connection is down.
    init(timing: OrderedConsumerTiming, isConnected: @escaping @Sendable () -> Bool) {
        self.silenceLimit = timing.silenceLimit.wholeNanoseconds
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

    /// Runs on the delivery thread of libnats. What does not fit is noticed as a gap and delivered again.
    func receive(_ message: NATSMessage, generation: UInt64) {
        self.heard()
        self.buffer.push(.message(message, generation: generation), bytes: message.bufferedBytes)
    }

    func reconnected() {
        let generation = self.watch.withLock { $0.generation }
        self.buffer.push(.reconnected(generation: generation), bytes: 0, force: true)
    }

    /// A new try begins; silence is expected until `arm`.
    func begin(generation: UInt64) {
        self.watch.withLock { $0 = Watch(generation: generation) }
    }

    /// The consumer exists; from now on it must be heard.
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
        // Messages not yet read are the reader's delay, not the server's.
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
