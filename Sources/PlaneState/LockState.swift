package import PlaneProtocol

/// Whether a lock is free, announced or held, and by whom.
package enum LockState: Hashable, Sendable {
    case free
    /// A scheduler is about to place a backend for it.
    case announced(LockUID)
    case held(by: BackendID)
}
