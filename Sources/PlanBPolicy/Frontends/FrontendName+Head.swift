import ProxyCore

/// The name of a frontend in a request.
extension FrontendName {
    /// The field `Host` as it was received.
    static func received(_ host: Range<Int>, _ bytes: Span<UInt8>) -> String { bytes.text(host) }

    /// The field `Host` in lower case, without port, brackets and a dot at its end.
    static func folded(_ hostName: Range<Int>, _ bytes: Span<UInt8>) -> String {
        var range = hostName
        if bytes[range.lowerBound] == UInt8(ascii: "["), range.count > 2 { range = (range.lowerBound + 1)..<(range.upperBound - 1) }
        if range.count > 1, bytes[range.upperBound - 1] == UInt8(ascii: ".") { range = range.lowerBound..<(range.upperBound - 1) }
        return String(unsafeUninitializedCapacity: range.count) { buffer in
            for offset in 0..<range.count { buffer[offset] = bytes[range.lowerBound + offset].lowercased }
            return range.count
        }
    }
}
