import ProxyCore

/// As it stands in a request.
extension FrontendName {
    /// What `Host` says, as it was received.
    static func received(_ host: Range<Int>, _ bytes: Span<UInt8>) -> String { bytes.text(host) }

    /// What `Host` says without port, brackets, a dot at its end, and capitals.
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
