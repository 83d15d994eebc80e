#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// An IPv4 or IPv6 address, written as a literal without brackets or zone: `203.0.113.7`, `2001:db8::7`.
package enum IPAddress: Hashable, Sendable {
    case v4(UInt32)
    case v6(high: UInt64, low: UInt64)
}

extension IPAddress: JSONCodable, LosslessStringConvertible {
    package static var expectation: String { "an IPv4 or IPv6 address" }

    package init?(_ text: String) {
        guard !text.utf8.contains(0) else { return nil }  // C would stop reading there
        var v4 = in_addr()
        var v6 = in6_addr()
        if inet_pton(AF_INET, text, &v4) == 1 {
            self = .v4(UInt32(bigEndian: v4.s_addr))
        } else if inet_pton(AF_INET6, text, &v6) == 1 {
            self = withUnsafeBytes(of: v6) { bytes in
                .v6(
                    high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                    low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
            }
        } else {
            return nil
        }
    }

    package init(json: JSONNode) throws(MessageError) {
        let text = try json.string()
        guard let address = Self(text) else { throw MessageError(expected: Self.expectation, found: MessageError.excerpt(text)) }
        self = address
    }

    package func write(to json: inout JSONWriter) { json.string(self.description) }

    package var description: String {
        switch self {
        case .v4(let address):
            return [24, 16, 8, 0].map { String(address >> $0 & 0xFF) }.joined(separator: ".")
        case .v6(let high, let low):
            let words = [high.bigEndian, low.bigEndian]
            var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
            inet_ntop(AF_INET6, words, &text, socklen_t(text.count))
            return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }
}
