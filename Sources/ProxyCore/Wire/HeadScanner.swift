#if canImport(Glibc)
import Glibc
#endif

/// Finds the end of a message head without looking at any byte twice, however it is cut into pieces.
///
/// A head ends at the first empty line. Everything before that is only split into lines here: a line feed must follow a carriage
/// return, and lines and the whole stay within the limits. What the lines say is read once the head is there as a whole, so no
/// parser has to stop in the middle.
struct HeadScanner {
    /// Bytes known to hold no end of head.
    private var scanned = 0
    /// Where the line begins that holds byte `scanned`.
    private var lineStart = 0

    /// The length of the head including its blank line, or nil while it is incomplete.
    ///
    /// - Parameter bytes: The message from its first byte; at later calls the same bytes with more behind them.
    mutating func scan(_ bytes: Span<UInt8>, limits: borrowing ProxyLimits) throws(HTTPViolation) -> Int? {
        while let lineFeed = Self.nextLineFeed(in: bytes, from: self.scanned) {
            guard lineFeed > 0, bytes[lineFeed - 1] == .carriageReturn else { throw .bareLineFeed }
            let next = lineFeed + 1
            guard next - self.lineStart <= limits.lineBytes else { throw .lineTooLong }
            guard next <= limits.headBytes else { throw .headTooLarge }
            if next - self.lineStart == 2 { return next }
            self.lineStart = next
            self.scanned = next
        }
        self.scanned = bytes.count
        guard bytes.count < limits.headBytes else { throw .headTooLarge }
        guard bytes.count - self.lineStart < limits.lineBytes else { throw .lineTooLong }
        return nil
    }

    @inline(__always)
    private static func nextLineFeed(in bytes: Span<UInt8>, from start: Int) -> Int? {
        guard start < bytes.count else { return nil }
        return bytes.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress,
                let found = memchr(base + start, Int32(UInt8.lineFeed), buffer.count - start)
            else { return nil }
            return UnsafeRawPointer(found) - base
        }
    }
}
