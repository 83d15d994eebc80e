#if DEBUG
import DroneCore
import Glibc
import Synchronization

/// Ends the process like kill -9, at a fault point of a debug build. `PLANE_TEST_FAULT=created:3` means: when a container is created for the third time. A
/// release build ignores the variable.
enum FaultSwitch {
    static func fromEnvironment() -> (@Sendable (FaultPoint) -> Void)? {
        guard let text = getenv("PLANE_TEST_FAULT").map({ String(cString: $0) }) else { return nil }
        let parts = text.split(separator: ":")
        guard parts.count == 2, let point = FaultPoint(rawValue: String(parts[0])), let count = Int(parts[1]), count > 0 else { return nil }
        let left = Counter(count)
        return { passed in
            guard passed == point, left.isLast() else { return }
            kill(getpid(), SIGKILL)
        }
    }

    private final class Counter: Sendable {
        private let left: Mutex<Int>
        init(_ count: Int) { self.left = Mutex(count) }
        func isLast() -> Bool {
            self.left.withLock { left in
                left -= 1
                return left == 0
            }
        }
    }
}
#endif
