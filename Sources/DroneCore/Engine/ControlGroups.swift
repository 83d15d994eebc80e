import PlaneProtocol
import Synchronization

/// The control groups of the backends' containers, found out once each.
final class ControlGroups: Sendable {
    private let known = Mutex<[BackendID: ControlGroup]>([:])

    /// The group of a backend seen before.
    func group(of backend: BackendID) -> ControlGroup? { self.known.withLock { $0[backend] } }

    func remember(_ group: ControlGroup, of backend: BackendID) { self.known.withLock { $0[backend] = group } }

    func forget(_ backend: BackendID) { self.known.withLock { _ = $0.removeValue(forKey: backend) } }
}
