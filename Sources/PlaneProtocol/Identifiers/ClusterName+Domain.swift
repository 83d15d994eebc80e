/// A development cluster may be named with the port at which its proxies listen, as in `localhost:8322`. The port is used in URLs of its backends; names in
/// DNS, certificates and Host headers are those of the domain before it.
extension ClusterName {
    /// The part of the name that is a domain.
    package var domain: String { self.parts.domain }

    /// The port in the name; nil if there is none.
    package var port: UInt16? { self.parts.port }

    /// Whether the part behind a colon is a port. NATS accepts any name, but a name with a colon and no port cannot be used in a host name or URL.
    package var isDomainWithPort: Bool { !self.domain.utf8.contains(UInt8(ascii: ":")) && !self.domain.isEmpty }

    private var parts: (domain: String, port: UInt16?) {
        guard let colon = self.rawValue.lastIndex(of: ":") else { return (self.rawValue, nil) }
        let digits = self.rawValue[self.rawValue.index(after: colon)...]
        guard digits.utf8.allSatisfy(\.isASCIIDigit), let port = UInt16(digits), port > 0 else { return (self.rawValue, nil) }
        return (String(self.rawValue[..<colon]), port)
    }
}
