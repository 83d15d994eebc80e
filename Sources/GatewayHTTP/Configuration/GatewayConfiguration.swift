package import ConfigurationReading
package import NetworkAddresses
package import PlaneProtocol
import PlaneService
import VisitorTokens

/// Settings of the HTTP interface for applications (table `gateway`).
package struct GatewayConfiguration: Hashable, Sendable {
    /// How often one caller may make requests.
    package struct Limits: Hashable, Sendable {
        package var requestsPerSecond: Int
        package var burst: Int

        package init(requestsPerSecond: Int, burst: Int) {
            self.requestsPerSecond = requestsPerSecond
            self.burst = burst
        }
    }

    /// Tokens that proxies verify by themselves.
    package struct SignedTokens: Hashable, Sendable {
        /// `TokenSigningKey` takes it.
        package var key: Secret
        /// From its making to its end.
        package var lifetime: Duration = .seconds(3600)
        /// Whether connect answers with one unless it is asked for the other kind.
        package var isUsual = false

        package init(key: Secret) { self.key = key }
    }

    package var port: UInt16
    /// Loopback by default, because whoever can connect can start programs, unless `tokens` or `forwardAuth` checks callers.
    package var bindIP: IPAddress = .v4(0x7F00_0001)
    /// The cluster for recipes that name none.
    package var defaultCluster: ClusterName?
    /// Base of the URLs of statuses; nil uses the request's Host.
    package var url: String?
    /// URL of the server that is asked whether a request for `/ctrl` is allowed; nil asks none.
    package var forwardAuth: String?
    package var tokens: [APIToken] = []
    /// A visitor's token ends when it has not been used for this long.
    package var tokenLifetime: Duration = .seconds(3600)
    package var signedTokens: SignedTokens?
    package var limits: Limits?
    /// Whether every call that may change something is logged.
    package var audits = true
    /// Whether proxies of a tier serve the URLs with tokens. Without a tier, answers also contain the URL at which the drone itself serves a backend.
    package var hasProxyTier = false

    package init(port: UInt16) { self.port = port }
}

extension GatewayConfiguration: ConfigReadable {
    package init?(_ reader: inout ConfigReader) {
        var bindIP = IPAddress.v4(0x7F00_0001)
        var tokenLifetime = Duration.seconds(3600)
        var (audits, hasProxyTier) = (true, false)
        let port = reader.required("http_port", .port, "Port of the HTTP interface for applications, and of the page for people.")
        reader.read("bind_ip", .ipAddress, into: &bindIP, "Its address. Whoever can connect may start programs, unless tokens or forward_auth says otherwise.")
        let defaultCluster = reader.optional("default_cluster", .clusterName, "Cluster of backends whose recipe names none.")
        let url = reader.optional("url", .httpURL, "Address by which clients reach this gateway, for status_url; the request's Host if not set.")
        let forwardAuth = reader.optional(
            "forward_auth", .httpURL, "Address that is asked about every request below /ctrl and for the page: 2xx lets it through, anything else is 401.")
        let tokens = reader.optional(
            "tokens", .accessTokens,
            "Tokens for /ctrl and the page, by name, each \(APIToken.expectation); sent as Authorization: Bearer. Everybody is let through if not set.")
        if forwardAuth != nil, tokens != nil {
            reader.mistake("tokens", found: "tokens beside forward_auth", expectation: "one of the two")
        }
        reader.read(
            "token_lifetime_secs", .seconds(60...(30 * 24 * 3600)), into: &tokenLifetime, "Seconds without use after which a visitor's token ends.")
        let signedTokens = reader.table("signed_tokens") { SignedTokens(&$0) }
        let limits = reader.table("limits") { Limits(&$0) }
        reader.read("audit", .boolean, into: &audits, "Log each call that may change something: who, what, which backend, how it was answered.")
        reader.read(
            "proxy_tier", .boolean, into: &hasProxyTier,
            "Whether a tier of proxies serves the URLs with tokens. If not, connect also tells backend_url, where the drone serves the backend by itself.")
        guard let port else { return nil }
        self.init(port: port)
        self.bindIP = bindIP
        self.defaultCluster = defaultCluster
        self.url = url
        self.forwardAuth = forwardAuth
        self.tokens = tokens ?? []
        self.tokenLifetime = tokenLifetime
        self.signedTokens = signedTokens
        self.limits = limits
        self.audits = audits
        self.hasProxyTier = hasProxyTier
    }
}

extension GatewayConfiguration.Limits: ConfigReadable {
    package init?(_ reader: inout ConfigReader) {
        let rate = reader.required(
            "requests_per_sec", .integer(1...1_000_000), "Calls of /ctrl that one token, or one address, may make in a second; more are answered with 429.")
        var burst = 100
        reader.read("burst", .integer(1...1_000_000), into: &burst, "How many it may make at once.")
        guard let rate else { return nil }
        self.init(requestsPerSecond: rate, burst: burst)
    }
}

extension GatewayConfiguration.SignedTokens: ConfigReadable {
    package init?(_ reader: inout ConfigReader) {
        let key = reader.required(
            "key", .secret,
            "Private key (Ed25519) that signs visitors' tokens: openssl rand 32 | basenc --base64url | tr -d =. Its public key, which the "
                + "gateway tells at its start, belongs into proxy.token_keys of every gateway-proxy first.")
        var lifetime = Duration.seconds(3600)
        reader.read(
            "lifetime_secs", .seconds(1...TokenClaims.longestLifetime), into: &lifetime,
            "Seconds after which such a token ends, used or not, unless connect asks for another time.")
        var isUsual = false
        reader.read("always", .boolean, into: &isUsual, "Answer connect with signed tokens unless it asks for an opaque one; if not, where it asks for them.")
        guard let key else { return nil }
        self.init(key: key)
        self.lifetime = lifetime
        self.isUsual = isUsual
    }
}

extension ConfigType where Value == [APIToken] {
    /// These are hashes, so the table contains no secrets.
    static let accessTokens: ConfigType = {
        var type = ConfigType(
            "a table of texts, each \(APIToken.expectation)",
            read: { value in
                guard case .table(let members) = value, !members.isEmpty else { return nil }
                let tokens = members.compactMap { name, value in value.asString.flatMap { APIToken(name: name, text: $0) } }
                return tokens.count == members.count ? tokens.sorted { $0.name < $1.name } : nil
            }, show: { .table(Dictionary($0.map { ($0.name, .string($0.text)) }) { $1 }) })
        // What is no hash may be the token itself.
        type.fault = { value in
            guard case .table(let members) = value else { return nil }
            let unreadable = members.filter { name, value in value.asString.flatMap { APIToken(name: name, text: $0) } == nil }
            return unreadable.keys.min().map { ConfigFault(nil, under: $0) }
        }
        return type
    }()
}
