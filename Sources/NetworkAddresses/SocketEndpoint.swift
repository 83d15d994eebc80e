/// An address and a port, in text `127.0.0.1:8080` or `[::1]:8080`.
package struct SocketEndpoint: Hashable, Sendable, LosslessStringConvertible {
    package var ip: IPAddress
    package var port: UInt16

    package init(ip: IPAddress, port: UInt16) {
        self.ip = ip
        self.port = port
    }

    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else { return nil }
        let host = text[..<colon]
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        guard let ip = IPAddress(String(isBracketed ? host.dropFirst().dropLast() : host)) else { return nil }
        // Without brackets the port could not be told from the last group of an IPv6 address.
        guard case .v6 = ip else {
            guard !isBracketed else { return nil }
            self.init(ip: ip, port: port)
            return
        }
        guard isBracketed else { return nil }
        self.init(ip: ip, port: port)
    }

    package var description: String {
        switch self.ip {
        case .v4: "\(self.ip):\(self.port)"
        case .v6: "[\(self.ip)]:\(self.port)"
        }
    }
}
