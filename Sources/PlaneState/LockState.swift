package import PlaneProtocol

/// Who has a lock.
package enum LockState: Hashable, Sendable {
    case free
    /// Somebody is about to place a backend for it.
    case announced(LockUID)
    case held(by: BackendID)
}
