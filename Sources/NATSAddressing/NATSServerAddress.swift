import TextEncodings

/// One server URL, parsed so that its credentials never reach a log: `[nats|tls://][user[:password]@]host[:port]`.
package struct NATSServerAddress: Sendable, Hashable, CustomStringConvertible {
    package var usesTLS: Bool
    /// From the URL: user and password, or a token where there is no colon.
    package var authentication: NATSAuthentication
    /// A name, an IPv4 address, or an IPv6 address without its brackets.
    package var host: String
    package var port: UInt16

    package static let defaultPort: UInt16 = 4222

    package init(_ url: String) throws(NATSAddressError) {
        func mistake(_ hint: String) -> NATSAddressError { NATSAddressError(url: Self.redacted(url), hint: hint) }
        var rest = url[...]
        self.usesTLS = false
        if let scheme = rest.firstRange(of: "://") {
            switch rest[..<scheme.lowerBound].lowercased() {
            case "nats": break
            case "tls": self.usesTLS = true
            case let other: throw mistake("the scheme must be nats or tls, not \(other)")
            }
            rest = rest[scheme.upperBound...]
        }
        if rest.hasSuffix("/") { rest = rest.dropLast() }
        self.authentication = .none
        if let at = rest.lastIndex(of: "@") {
            let parts = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard let first = PercentEncoding.decode(parts[0].utf8), let last = PercentEncoding.decode((parts.last ?? "").utf8) else {
                throw mistake("a % in user or password must be written as %25")
            }
            self.authentication = parts.count == 2 ? .userPassword(user: first, password: last) : .token(first)
            rest = rest[rest.index(after: at)...]
        }
        self.port = Self.defaultPort
        var host = rest
        if rest.hasPrefix("["), let end = rest.lastIndex(of: "]") {
            host = rest[rest.index(after: rest.startIndex)..<end]
            rest = rest[rest.index(after: end)...]
        } else if let colon = rest.lastIndex(of: ":") {
            host = rest[..<colon]
            rest = rest[colon...]
        } else {
            rest = ""
        }
        if !rest.isEmpty {
            guard rest.hasPrefix(":"), let port = UInt16(rest.dropFirst()), port > 0 else {
                throw mistake("the port must be a number from 1 to 65535")
            }
            self.port = port
        }
        let allowed = host.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: ",") }
        guard !host.isEmpty, allowed else { throw mistake("write it as nats://host:port") }
        self.host = String(host)
    }

    /// The URL without credentials, as for libnats and logs.
    package var description: String {
        let host = self.host.contains(":") ? "[\(self.host)]" : self.host
        return "\(self.usesTLS ? "tls" : "nats")://\(host):\(self.port)"
    }

    /// An invalid URL for an error: everything up to the last `@` is hidden.
    private static func redacted(_ url: String) -> String {
        guard let at = url.lastIndex(of: "@") else { return url }
        let start = url.firstRange(of: "://")?.upperBound ?? url.startIndex
        return start <= at ? "\(url[..<start])<redacted>\(url[at...])" : "<redacted>\(url[at...])"
    }
}
