import Glibc
import Synchronization

/// Writes complete lines to standard error.
package enum StandardError {
    /// Keeps long lines apart, which the kernel does not write in one piece.
    private static let turn = Mutex(())

    /// Errors are ignored: if standard error is closed, there is nowhere to report that.
    package static let write: @Sendable ([UInt8]) -> Void = { line in
        StandardError.turn.withLock { _ in
            var rest = line[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return }
                rest = rest.dropFirst(count)
            }
        }
    }
}
