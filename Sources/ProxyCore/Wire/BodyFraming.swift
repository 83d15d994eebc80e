/// How the end of a message's body is recognized (RFC 9112 §6.3).
package enum BodyFraming: Equatable, Sendable {
    case none
    case length(UInt64)
    case chunked
    /// Responses only: the body ends with the connection.
    case untilClose

    /// What the framing fields of a head say; nil when there are none.
    ///
    /// The same rules apply in both directions. Anything that another reader could understand differently is refused: both fields at once, either of them
    /// twice (even if equal), a list, a sign, a leading zero (which some read as octal), any coding other than exactly `chunked`, and chunked in HTTP/1.0,
    /// which does not know it.
    static func read(
        _ bytes: Span<UInt8>, contentLength: Range<Int>?, transferEncoding: Range<Int>?, isHTTP10: Bool
    ) throws(HTTPViolation) -> BodyFraming? {
        if let transferEncoding {
            guard contentLength == nil else { throw .contentLengthBesideTransferEncoding }
            guard !isHTTP10, bytes.equals(transferEncoding, lowercase: "chunked") else { throw .unsupportedTransferEncoding }
            return .chunked
        }
        guard let contentLength else { return nil }
        return .length(try Self.readLength(bytes, contentLength))
    }

    /// A number with more digits could overflow 64 bits, and no body is that long.
    private static let lengthDigitLimit = 18

    private static func readLength(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(HTTPViolation) -> UInt64 {
        guard !range.isEmpty, range.count <= Self.lengthDigitLimit else { throw .malformedContentLength }
        guard range.count == 1 || bytes[range.lowerBound] != UInt8(ascii: "0") else { throw .malformedContentLength }
        var length: UInt64 = 0
        for index in range {
            guard bytes[index].isDigit else { throw .malformedContentLength }
            length = length &* 10 &+ UInt64(bytes[index] &- 0x30)
        }
        return length
    }
}
