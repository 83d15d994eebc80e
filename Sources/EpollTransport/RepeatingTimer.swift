package import NIOCore

/// Calls something again and again on its event loop, until cancelled. For the loop's thread only, so what it calls may be anything of the loop's.
package final class RepeatingTimer {
    private let loop: any EventLoop
    private let interval: TimeAmount
    /// Nil once cancelled, which lets go of what it holds.
    private var body: (() -> Void)?
    private var next: Scheduled<Void>?

    package init(every interval: TimeAmount, on loop: any EventLoop, _ body: @escaping () -> Void) {
        self.loop = loop
        self.interval = interval
        self.body = body
        self.schedule()
    }

    package func cancel() {
        self.body = nil
        self.next?.cancel()
    }

    private func schedule() {
        self.next = self.loop.assumeIsolated().scheduleTask(in: self.interval) {
            guard let body = self.body else { return }
            body()
            if self.body != nil { self.schedule() }
        }
    }
}
