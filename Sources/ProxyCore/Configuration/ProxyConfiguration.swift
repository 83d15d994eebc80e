package import ConfigurationReading
package import NIOCore
package import NetworkAddresses
package import PlaneProtocol
import PlaneService

/// Settings of the proxy (table `proxy`).
package struct ProxyConfiguration: Hashable, Sendable {
    package var bindIP: IPAddress = .v4(0)
    package var httpPort: UInt16 = 80
    /// Nil means 443 where the file has a table `cert`, and no TLS otherwise.
    package var httpsPort: UInt16?
    /// The port at which visitors reach ``httpsPort``, where a balancer or a port mapping before the proxy gives it another number.
    package var publicHTTPSPort: UInt16?
    /// The server that gets requests for unknown host names; nil answers them with 404.
    package var passthrough: SocketEndpoint?
    /// Whether backends are also reached as `/_plane_backend=<backend>/…` on hosts that are not below the cluster's domain, for clusters without DNS of their
    /// own.
    package var allowPathRouting = false
    /// Addresses and networks whose connections begin with a PROXY protocol header.
    package var proxyProtocolFrom: [String] = []
    /// Whether to believe what clients say in `X-Forwarded-*`, and to add to it; otherwise the proxy replaces these fields.
    package var trustForwarded = false
    /// Whether CORS preflights, which carry no token, reach backends that ask for one.
    package var allowPreflight = false
    /// For how long browsers are told to use HTTPS only (Strict-Transport-Security, whole seconds); nil does not send the field.
    package var hstsMaxAge: Duration?
    /// Whether HTTP/2 is offered to clients, where there is a certificate.
    package var http2 = true
    /// The port at which proxies of the tier (`gateway-proxy`) pass requests on; nil opens none.
    package var innerPort: UInt16?
    /// Whether ``innerPort`` speaks TLS; nil means that it does where the file has a table `cert`.
    package var innerTLS: Bool?
    /// The secret with which proxies of the tier identify themselves at ``innerPort``: the same on all machines of the cluster.
    package var innerSecret: Secret?
    /// A file with the authorities that may sign the certificate which proxies of the tier see at ``innerPort``; nil means the system's authorities.
    package var innerCAPath: String?
    /// Where a drone's proxy passes requests on for backends that are not its own; nil answers them.
    package var forward: SocketEndpoint?
    /// Of the tier: further clusters that it serves, and the folders of their certificates.
    package var clusters: [String: String] = [:]
    /// Of the tier: public keys by which it knows signed tokens.
    package var tokenKeys: [String] = []
    /// Of the tier: where `/` leads.
    package var rootRedirectURL: String?
    /// How long a request waits for a backend that is still starting; nil means 30 s on a drone, and 300 s in the tier.
    package var hold: TimeAmount?
    package var accessLog = AccessLogChoice.off
    /// How long connections may stay open after a successor has taken over; nil lets them come to their end.
    package var replacedDeadline: Duration?
    /// The table `limits`, and ``hold``.
    package var limits = ProxyLimits()
    package var pages = PagesConfiguration()

    package enum AccessLogChoice: String, CaseIterable, Sendable {
        case off, common, json
    }

    package init() {}
}

extension ProxyConfiguration: ConfigReadable {
    package init?(_ reader: inout ConfigReader) {
        self.init()
        reader.read("bind_ip", .ipAddress, into: &self.bindIP, "Address to listen on.")
        reader.read("http_port", .port, into: &self.httpPort, "Port for plain HTTP.")
        self.httpsPort = reader.optional("https_port", .port, "Port for HTTPS; if not set, 443 where there is a certificate, and none otherwise.")
        self.publicHTTPSPort = reader.optional(
            "public_https_port", .port,
            "Port that plain HTTP leads to, where visitors reach https_port by another number (published ports of a container, port forwarding); "
                + "https_port if not set.")
        self.passthrough = reader.optional(
            "passthrough", .endpoint, "Where requests for names that are no backend's go, of the cluster or not, instead of an answer 404 or 400.")
        reader.read(
            "allow_path_routing", .boolean, into: &self.allowPathRouting,
            "Also serve backends as /_plane_backend=<backend>/…, on hosts that are not below the cluster's domain; to a browser all of them are one "
                + "origin.")
        self.hold = reader.optional(
            "hold_timeout_secs", .seconds(0...3600),
            "Seconds a request waits for a backend that is still starting; 30 if not set, and 300 in a gateway-proxy.")
        self.forward = reader.optional(
            "forward", .endpoint,
            "A gateway-proxy, by its inner_port, to which this drone's proxy passes requests for backends that are not its own, instead of an answer 404: "
                + "for visitors whose address for a backend is an old one. Spoken to as inner_tls says, with inner_secret.")
        self.clusters =
            reader.optional(
                "clusters", .stringTable,
                "Further clusters that a gateway-proxy serves, each with the folder where its certificate is (cert.pem and key.pem), which is chosen by the name "
                    + "that a visitor asks for (SNI).")
            ?? [:]
        self.tokenKeys =
            reader.optional(
                "token_keys", .list(of: .string, mayBeEmpty: true),
                "Public keys (Ed25519, in base64url, as gateways tell at their start) by which a gateway-proxy knows signed tokens of visitors; two while one "
                    + "takes the place of another. Without any it takes none.")
            ?? []
        self.rootRedirectURL = reader.optional("root_redirect_url", .httpURL, "Where a gateway-proxy leads visitors of /; if not set, it answers 400.")
        self.proxyProtocolFrom =
            reader.optional(
                "proxy_protocol_from", .list(of: .string, mayBeEmpty: true),
                "Balancers that begin connections with a PROXY protocol header (version 1 or 2), as addresses or networks such as 10.0.0.0/8.")
            ?? []
        reader.read(
            "trust_forwarded", .boolean, into: &self.trustForwarded,
            "Believe X-Forwarded-*, X-Real-IP and the like of visitors and add to them. Only where none but proxies of yours can connect.")
        reader.read(
            "allow_preflight", .boolean, into: &self.allowPreflight,
            "Let CORS preflights (OPTIONS, which cannot show a token) through to backends that ask for one, so that pages of other origins can use fetch "
                + "with the token in Authorization. Off, because it lets strangers ask a backend something, and so keep it awake.")
        self.hstsMaxAge = reader.optional(
            "hsts_max_age_secs", .seconds(0...63_072_000),
            "Seconds for which browsers are told to come to a backend's name by HTTPS only (Strict-Transport-Security), unless the backend says it "
                + "in its own way; they are not told if not set.")
        reader.read("http2", .boolean, into: &self.http2, "Offer HTTP/2 to browsers, where there is a certificate.")
        self.innerPort = reader.optional(
            "inner_port", .port,
            "Port on bind_ip where this drone's proxy takes requests that a gateway-proxy passes on; none if not set. Not for visitors: only a network of your own "
                + "should reach it.")
        self.innerTLS = reader.optional(
            "inner_tls", .boolean,
            "Speak TLS on it, with the certificate of the table cert; if not set, where there is one. Without TLS whoever can listen in on that network gets the "
                + "secret.")
        self.innerSecret = reader.optional(
            "inner_secret", .secret, "What a gateway-proxy shows there: the same on all of the cluster (openssl rand -base64 32).")
        self.innerCAPath = reader.optional(
            "inner_ca_path", .readPath,
            "PEM file of the authorities by which a gateway-proxy knows the certificates of drones; the system's if not set.")
        reader.read(
            "access_log", .choice(), into: &self.accessLog, "One line per request on standard output; without queries, for tokens are in them.")
        self.replacedDeadline = reader.optional(
            "replaced_deadline_secs", .seconds(0...604_800),
            "Seconds after which a proxy that a successor has replaced ends the WebSockets still open; never if not set.")
        self.limits = reader.section("limits") { ProxyLimits(&$0) } ?? self.limits
        if let hold { self.limits.hold = hold }
        self.pages = reader.section("pages") { PagesConfiguration(&$0) } ?? self.pages
    }
}
