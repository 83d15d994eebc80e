import Synchronization

/// A value that is asked for once and remembered until somebody doubts it.
final class LastKnown<Value: Sendable>: Sendable {
    private let stored = Mutex<Value?>(nil)

    var value: Value? {
        get { self.stored.withLock { $0 } }
        set { self.stored.withLock { $0 = newValue } }
    }
}
