package import NIOCore

/// Calls a function again and again on its event loop, until cancelled. Used on the loop's thread only, so the function may use anything of the loop.
package final class RepeatingTimer {
    private let loop: any EventLoop
    private let interval: TimeAmount
    /// Nil once cancelled, so that what it captures is released.
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
