import Synchronization

/// Tells systemd that a service is ready when the service says so in its log, once: `<service> is ready`. So nobody who waits for the
/// one, as scripts do, and nobody who waits for the other can be told different things.
package final class Readiness: Sendable {
    package static let ofThisProcess = Readiness(isAwaited: ServiceNotification.isWanted, tell: ServiceNotification.ready)

    private let awaited: Atomic<Bool>
    private let tell: @Sendable () -> Void

    package init(isAwaited: Bool, tell: @escaping @Sendable () -> Void) {
        self.awaited = Atomic(isAwaited)
        self.tell = tell
    }

    package var isAwaited: Bool { self.awaited.load(ordering: .relaxed) }

    func heard(_ message: String, of service: String) {
        guard message == "\(service) is ready" else { return }
        guard self.awaited.compareExchange(expected: true, desired: false, ordering: .relaxed).exchanged else { return }
        self.tell()
    }
}
