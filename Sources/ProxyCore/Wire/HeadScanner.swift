#if canImport(Glibc)
import Glibc
#endif

/// Finds the end of a message's head without looking at any byte twice, in however many pieces it arrives.
///
/// A head ends at the first empty line. Up to there it is only split into lines: a line feed must follow a carriage return, and the lines and the whole must
/// stay within the limits. The lines are parsed once the whole head is there, so that no parser has to stop in the middle.
struct HeadScanner {
    /// The number of bytes that are known not to contain the end.
    private var scanned = 0
    /// Where the line with byte `scanned` begins.
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
