import Synchronization

/// Tells systemd that a service is ready when the service logs `<service> is ready`, once. So those who wait for the log line, as scripts do, and those who
/// wait for systemd always get the same answer.
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
