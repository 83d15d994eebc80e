/// What one listening socket is for.
package struct ProxyListener: Sendable {
    package enum Purpose: Sendable {
        case http
        case https(any CertificateSource)
        /// Redirects every request to the same address by HTTPS.
        case redirect(httpsPort: UInt16)
    }

    package var purpose: Purpose
    /// Connections from these addresses begin with a PROXY protocol header, which says who the client is; all others must not.
    package var proxyProtocolSources: [AddressRange] = []
    /// Connections come from proxies of this system (the tier), each of which speaks for many visitors: no limit per address applies to them, and the policy
    /// is told (``Visitor/isProxy``).
    package var isInner = false

    package init(_ purpose: Purpose) {
        self.purpose = purpose
    }

    func expectsProxyProtocol(from address: AddressKey?) -> Bool {
        guard !self.proxyProtocolSources.isEmpty, let address else { return false }
        return self.proxyProtocolSources.contains { $0.contains(address) }
    }
}

/// What a client may do on its connection.
enum ClientRole {
    case proxy(isTLS: Bool)
    case redirect(httpsPort: UInt16)
    /// One request, on a stream of an HTTP/2 connection.
    case stream(client: AddressKey?)

    /// Whether this is a stream; the limiter has counted it when it was opened.
    var isStream: Bool { if case .stream = self { true } else { false } }

    var isHTTPS: Bool {
        switch self {
        case .proxy(let isTLS): isTLS
        case .stream: true
        case .redirect: false
        }
    }

    var scheme: StaticString { self.isHTTPS ? "https" : "http" }
}
