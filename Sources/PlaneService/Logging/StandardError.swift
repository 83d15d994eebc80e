import Glibc
import Synchronization

/// Whole lines on standard error.
package enum StandardError {
    /// Keeps lines apart which are longer than the kernel writes at once.
    private static let turn = Mutex(())

    /// If nobody reads them any more, there is nobody to tell either, so a failure ends the attempt without a word.
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
