import Dispatch
package import Logging
package import NIOCore
import LogKeys
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// Writes lines to a file, to standard output or error, or to syslog, on a thread of its own, which may block on slow readers. Lines that do not fit into its
/// queue are dropped, and their number is logged once a minute, so that requests do not wait for the log.
package final class LineWriter: Sendable {
    package enum Destination: Hashable, Sendable {
        /// A file that lines are appended to. If it is moved away a new one is made.
        case file(path: String)
        case standardOutput
        case standardError
        /// Facility local0, level info, tag `hipache`.
        case syslog
    }

    package struct Failure: Error, Sendable, CustomStringConvertible {
        package let description: String
    }

    /// How many lines may wait: as many as a busy process writes in a second.
    private static let waitingLimit = 100_000
    /// Mode of the file: only owner and group may read what visitors have requested.
    private static let mode: mode_t = 0o660

    private struct File {
        var descriptor: CInt
        var path: String?
        /// When the path was last checked, by a clock that never goes back.
        var checkedAt: NIODeadline
    }

    private let queue: DispatchQueue
    private let file: Mutex<File>
    private let isSyslog: Bool
    private let waiting = Atomic<Int>(0)
    private let dropped = Atomic<Int>(0)
    private let nextNotice = Mutex(NIODeadline.uptimeNanoseconds(0))
    private let logger: Logger

    package convenience init(_ destination: Destination, logger: Logger) throws(Failure) {
        self.init(try Self.file(of: destination), isSyslog: destination == .syslog, logger: logger)
    }

    /// Kept apart from what may fail, because an initializer that throws between assignments crashes the optimizer of Swift 6.3.
    private init(_ file: File, isSyslog: Bool, logger: Logger) {
        self.logger = logger
        self.queue = DispatchQueue(label: "line-writer")
        self.isSyslog = isSyslog
        self.file = Mutex(file)
        // The C library keeps the pointer to the tag.
        if isSyslog { openlog(Self.tag, 0, Self.local0) }
    }

    private static func file(of destination: Destination) throws(Failure) -> File {
        switch destination {
        case .file(let path): File(descriptor: try self.open(path), path: path, checkedAt: .now())
        case .standardOutput: File(descriptor: STDOUT_FILENO, path: nil, checkedAt: .now())
        case .standardError, .syslog: File(descriptor: STDERR_FILENO, path: nil, checkedAt: .now())
        }
    }

    // Unsafe only by declaration: the text is never written to, and never freed.
    private nonisolated(unsafe) static let tag: UnsafePointer<CChar>? = UnsafePointer(strdup("hipache"))

    /// LOG_LOCAL0, which is a macro in C that Swift does not import.
    private static let local0: CInt = 16 << 3
    /// LOG_INFO, likewise.
    private static let info: CInt = 6

    private static func open(_ path: String) throws(Failure) -> CInt {
        let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, Self.mode)
        guard descriptor >= 0 else { throw Failure(description: "\(path) cannot be opened: \(String(cString: strerror(errno)))") }
        return descriptor
    }

    /// - Parameter count: the number of lines in it.
    package func write(_ lines: ByteBuffer, count: Int) {
        guard self.waiting.load(ordering: .relaxed) + count <= Self.waitingLimit else {
            self.dropped.add(count, ordering: .relaxed)
            return self.reportDropped()
        }
        self.waiting.add(count, ordering: .relaxed)
        self.queue.async {
            self.carryOut(lines)
            self.waiting.subtract(count, ordering: .relaxed)
        }
    }

    /// Returns when all lines handed over before have been written or dropped.
    package func flush() async {
        await withCheckedContinuation { continuation in self.queue.async { continuation.resume() } }
    }

    /// Opens the file again, if lines go to a file.
    package func reopen() {
        self.queue.async { self.reopenFile() }
    }

    private func reportDropped() {
        let now = NIODeadline.now()
        let isDue = self.nextNotice.withLock { next in
            guard now >= next else { return false }
            next = now + .minutes(1)
            return true
        }
        guard isDue else { return }
        let count = self.dropped.exchange(0, ordering: .relaxed)
        self.logger.warning("lines of the log were dropped, it is not written fast enough", metadata: [LogKey.count: "\(count)"])
    }

    // MARK: On the queue

    private func carryOut(_ lines: ByteBuffer) {
        if self.isSyslog { return self.reportToSyslog(lines) }
        self.followRename()
        let descriptor = self.file.withLock { $0.descriptor }
        lines.withUnsafeReadableBytes { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if count < 0, errno == EINTR { continue }
                // The disk is full, or the reader is gone. The rest is dropped; the next lines are tried again.
                guard count > 0 else {
                    self.dropped.add(rest.count { $0 == 0x0A }, ordering: .relaxed)
                    return self.reportDropped()
                }
                rest = rest.dropFirst(count)
            }
        }
    }

    private func reportToSyslog(_ lines: ByteBuffer) {
        for line in lines.readableBytesView.split(separator: 0x0A) {
            String(decoding: line, as: UTF8.self).withCString { text in
                withVaList([text]) { vsyslog(Self.local0 | Self.info, "%s", $0) }
            }
        }
    }

    /// Notices that a tool which rotates logs has moved the file away, and makes a new one.
    private func followRename() {
        let now = NIODeadline.now()
        let isMoved = self.file.withLock { file in
            guard let path = file.path, now - file.checkedAt >= .seconds(1) else { return false }
            file.checkedAt = now
            var (named, opened) = (stat(), stat())
            guard fstat(file.descriptor, &opened) == 0 else { return false }
            return stat(path, &named) != 0 || named.st_ino != opened.st_ino || named.st_dev != opened.st_dev
        }
        if isMoved { self.reopenFile() }
    }

    private func reopenFile() {
        guard let path = self.file.withLock({ $0.path }) else { return }
        do {
            let descriptor = try Self.open(path)
            let old = self.file.withLock { file in
                defer { file.descriptor = descriptor }
                return file.descriptor
            }
            close(old)
        } catch {
            self.logger.error("the log goes on in the file of before", metadata: [LogKey.error: "\(error)"])
        }
    }
}
