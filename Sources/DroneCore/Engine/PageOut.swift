import Dispatch
import Glibc
package import Logging
import LogKeys
import Synchronization

/// Asks the kernel to take memory away from the control groups of frozen containers, one after the other: to write it to swap, and to drop cached files.
///
/// It may take seconds, and a thread waits for the kernel meanwhile. An agent without the right to do it says so once in its log.
package final class PageOut: Sendable {
    /// Bytes of memory that the kernel is asked for at a time.
    private static let step: UInt64 = 16 << 20

    private let queue = DispatchQueue(label: "page-out", qos: .utility)
    private let hasTold = Mutex(false)
    private let logger: Logger

    package init(logger: Logger) {
        self.logger = logger
    }

    /// - Parameter isFrozen: asked when it is this group's turn; the memory of a container that goes on is left alone.
    func reclaim(_ group: ControlGroup, if isFrozen: @escaping @Sendable () -> Bool) {
        self.queue.async {
            // In steps, so that little is taken from a container that is thawed meanwhile.
            var left = UInt64.max
            var failure: (path: String, error: CInt)?
            while failure == nil, left > 0, isFrozen(), let (path, text, rest) = group.reclaim(atMost: Self.step) {
                failure = Self.write(text, to: path).map { (path, $0) }
                left = min(rest, left - min(left, Self.step))
            }
            guard let (path, error) = failure else { return }
            // The kernel has reclaimed less than it was asked for, or the container has ended.
            guard error != EAGAIN, error != ENOENT || group.usage() != nil else { return }
            let isNews = self.hasTold.withLock { hasTold in
                defer { hasTold = true }
                return !hasTold
            }
            guard isNews else { return }
            self.logger.notice(
                "frozen containers keep their memory: the kernel cannot be asked to page it out",
                metadata: [LogKey.path: "\(path)", LogKey.error: "\(String(cString: strerror(error)))"])
        }
    }

    /// - Returns: The error's number; nil if all was written.
    private static func write(_ text: String, to path: String) -> CInt? {
        let file = open(path, O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return errno }
        defer { close(file) }
        let bytes = Array(text.utf8)
        while Glibc.write(file, bytes, bytes.count) < 0 {
            guard errno == EINTR else { return errno }
        }
        return nil
    }
}
