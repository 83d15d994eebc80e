import Metrics
import NIOCore
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// Writes lines to a file from a thread of its own, which blocks while the reader of the file is slow. Lines that do not fit into `waitingLimit` bytes are
/// dropped and counted, so that no request waits for its log.
package final class AccessLog: Sendable {
    private static let waitingLimit = 16 * 1024 * 1024

    let format: AccessLogFormat
    private let descriptor: CInt
    private let waiting = Atomic<Int>(0)
    private let lost = Counter(label: "proxy_access_log_lost_bytes_total")

    /// - Parameter descriptor: Standard output, or another file that stays open as long as this log is used.
    package init(format: AccessLogFormat, descriptor: CInt = STDOUT_FILENO) {
        self.format = format
        self.descriptor = descriptor
    }

    /// - Parameter loop: A loop that may be blocked.
    func write(_ lines: ByteBuffer, on loop: any EventLoop) {
        let count = lines.readableBytes
        guard self.waiting.load(ordering: .relaxed) + count <= Self.waitingLimit else { return self.lost.increment(by: count) }
        self.waiting.add(count, ordering: .relaxed)
        loop.execute {
            self.writeAll(lines)
            self.waiting.subtract(count, ordering: .relaxed)
        }
    }

    private func writeAll(_ lines: ByteBuffer) {
        lines.withUnsafeReadableBytes { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = Glibc.write(self.descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if count < 0, errno == EINTR { continue }
                // The file cannot be written any more, as when the reader of a pipe has closed it: the rest is counted as lost.
                guard count > 0 else { return self.lost.increment(by: rest.count) }
                rest = rest.dropFirst(count)
            }
        }
    }
}
