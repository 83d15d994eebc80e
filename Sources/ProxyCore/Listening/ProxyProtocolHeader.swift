import NIOCore

/// The first bytes of a connection from a load balancer, which say where it came from (PROXY protocol, versions 1 and 2).
enum ProxyProtocolHeader {
    enum Outcome: Equatable {
        case needsMore
        /// The header is `length` bytes long. Without a source the client is the peer itself: the balancer speaks for itself, as in a health check, or for a
        /// client without an IP address.
        case complete(length: Int, source: AddressKey?)
        case malformed
    }

    private static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]
    private static let textLimit = 107
    /// Version 2 may carry extensions, but no balancer sends as many bytes as this.
    private static let binaryLimit = 4096

    static func read(_ bytes: Span<UInt8>) -> Outcome {
        guard bytes.count > 0 else { return .needsMore }
        return bytes[0] == self.signature[0] ? self.readBinary(bytes) : self.readText(bytes)
    }

    // MARK: Version 1: "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n"

    private static func readText(_ bytes: Span<UInt8>) -> Outcome {
        let start: StaticString = "PROXY "
        for offset in 0..<min(bytes.count, start.utf8CodeUnitCount) where bytes[offset] != start.utf8Start[offset] {
            return .malformed
        }
        let searched = min(bytes.count, self.textLimit)
        guard let lineFeed = bytes.firstIndex(of: .lineFeed, in: 0..<searched) else {
            return bytes.count >= self.textLimit ? .malformed : .needsMore
        }
        guard lineFeed > start.utf8CodeUnitCount, bytes[lineFeed - 1] == .carriageReturn else { return .malformed }
        let line = String(decoding: (0..<(lineFeed - 1)).map { bytes[$0] }, as: UTF8.self)
        let parts = line.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count >= 2 else { return .malformed }
        switch parts[1] {
        case "UNKNOWN":
            return .complete(length: lineFeed + 1, source: nil)
        case "TCP4", "TCP6":
            guard parts.count == 6, UInt16(parts[4]) != nil, UInt16(parts[5]) != nil,
                let address = try? SocketAddress(ipAddress: String(parts[2]), port: 0), let source = AddressKey(address),
                parts[2].contains(":") == (parts[1] == "TCP6")
            else { return .malformed }
            return .complete(length: lineFeed + 1, source: source)
        default:
            return .malformed
        }
    }

    // MARK: Version 2: signature, version and command, family, length, addresses

    private static func readBinary(_ bytes: Span<UInt8>) -> Outcome {
        for offset in 0..<min(bytes.count, self.signature.count) where bytes[offset] != self.signature[offset] {
            return .malformed
        }
        guard bytes.count >= 16 else { return .needsMore }
        let (command, family) = (bytes[12], bytes[13])
        let length = 16 + Int(bytes[14]) << 8 + Int(bytes[15])
        guard command == 0x20 || command == 0x21, length <= self.binaryLimit else { return .malformed }
        guard bytes.count >= length else { return .needsMore }
        if command == 0x20 { return .complete(length: length, source: nil) }
        switch family {
        case 0x11:
            guard length >= 16 + 12 else { return .malformed }
            return .complete(length: length, source: AddressKey(ipv4: UInt32(truncatingIfNeeded: self.number(bytes, 16, count: 4))))
        case 0x21:
            guard length >= 16 + 36 else { return .malformed }
            return .complete(length: length, source: AddressKey(high: self.number(bytes, 16, count: 8), low: self.number(bytes, 24, count: 8)))
        // AF_UNIX: two names of 108 bytes each (sockaddr_un).
        case 0x31:
            return length >= 16 + 216 ? .complete(length: length, source: nil) : .malformed
        case 0x00:
            return .complete(length: length, source: nil)
        default:
            return .malformed
        }
    }

    private static func number(_ bytes: Span<UInt8>, _ start: Int, count: Int) -> UInt64 {
        (start..<(start + count)).reduce(0) { $0 << 8 | UInt64(bytes[$1]) }
    }
}
