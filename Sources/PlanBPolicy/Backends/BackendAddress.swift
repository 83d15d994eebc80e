import NetworkAddresses

/// The address of a backend in an entry of Redis: `http://host:port`, `https://host`, `host:port` or `host`. A path in it is ignored.
package struct BackendAddress: Hashable, Sendable {
    package var isHTTPS: Bool
    /// The host's name or IP address, without brackets.
    package var host: String
    package var port: Int
    /// Whether the host is a name, which has to be resolved and is sent in `Host`, and not an IP address.
    package var isName: Bool

    /// Nil for an entry without a host to which a connection could be made.
    package init?(_ entry: [UInt8]) {
        guard !entry.isEmpty, entry.count <= 2048, entry.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        var rest = Substring(decoding: entry, as: UTF8.self)
        self.isHTTPS = false
        if let end = rest.range(of: "://") {
            switch rest[..<end.lowerBound].lowercased() {
            case "http": break
            case "https": self.isHTTPS = true
            default: return nil
            }
            rest = rest[end.upperBound...]
        }
        rest = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        if let at = rest.lastIndex(of: "@") { rest = rest[rest.index(after: at)...] }
        var port: Substring?
        if rest.hasPrefix("[") {
            guard let end = rest.firstIndex(of: "]") else { return nil }
            let behind = rest[rest.index(after: end)...]
            guard behind.isEmpty || behind.hasPrefix(":") else { return nil }
            port = behind.isEmpty ? nil : behind.dropFirst()
            rest = rest[rest.index(after: rest.startIndex)..<end]
        } else if let colon = rest.firstIndex(of: ":") {
            port = rest[rest.index(after: colon)...]
            rest = rest[..<colon]
        }
        if let port, !port.isEmpty {
            guard port.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt16(port), number > 0 else { return nil }
            self.port = Int(number)
        } else {
            self.port = self.isHTTPS ? 443 : 80
        }
        self.host = String(rest)
        self.isName = IPAddress(self.host) == nil
        guard !self.host.isEmpty, self.host.utf8.count <= 253, !self.isName || self.host.utf8.allSatisfy(Self.isNameCharacter) else { return nil }
    }

    private static func isNameCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
            UInt8(ascii: "."), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}

extension Substring {
    fileprivate init(decoding bytes: [UInt8], as encoding: UTF8.Type) {
        self = Substring(String(decoding: bytes, as: encoding))
    }

    fileprivate func range(of text: String) -> Range<Index>? { self.firstRange(of: text) }
}
