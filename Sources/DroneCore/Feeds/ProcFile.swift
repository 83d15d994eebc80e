import Glibc

/// Reads the small texts that the kernel generates (`/proc`, `/sys`). No disk is involved, so the call does not block.
package enum ProcFile {
    /// Larger than any file read here; the largest is `/proc/stat` of a machine with hundreds of CPUs and interrupts.
    private static let sizeLimitBytes = 1 << 20

    /// Nil when there is no such file, or nothing can be read from it.
    package static func text(of path: String) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while bytes.count < self.sizeLimitBytes {
            let count = read(file, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return nil }
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
