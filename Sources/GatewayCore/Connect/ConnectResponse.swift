package import PlaneProtocol

/// The answer to a `ConnectRequest`. Every key of Plane 0.5 is always present; one without a value is `null`.
package struct ConnectResponse: Hashable, Sendable {
    package var backend: BackendID
    package var spawned: Bool
    package var status: GatewayStatus
    package var token: Secret
    package var url: Secret
    package var subdomain: Subdomain?
    /// Nil with a static token.
    package var secretToken: Secret?
    package var statusURL: String
    /// Nil unless the backend was spawned by this request.
    package var drone: DroneID?
    /// The URL at which the drone itself serves the backend, with the token that its proxy asks for. An addition to Plane 0.5, for installations without a
    /// tier.
    package var backendURL: Secret?
    /// Milliseconds since 1970 at which the token ends, used or not. Ours; nil where it has no such end.
    package var tokenExpires: Int64?
    /// In how many milliseconds the drone expects the backend to be ready. Ours; nil unless this request has spawned it and the drone has said it.
    package var readyInMilliseconds: UInt32?
    /// Keys of the request that mean nothing. Ours; absent where there are none.
    package var ignoredKeys: [String] = []

    package init(
        backend: BackendID, spawned: Bool, status: GatewayStatus, token: Secret, url: Secret, subdomain: Subdomain? = nil, secretToken: Secret? = nil,
        statusURL: String, drone: DroneID? = nil, backendURL: Secret? = nil, tokenExpires: Int64? = nil, readyInMilliseconds: UInt32? = nil
    ) {
        self.backend = backend
        self.spawned = spawned
        self.status = status
        self.token = token
        self.url = url
        self.subdomain = subdomain
        self.secretToken = secretToken
        self.statusURL = statusURL
        self.drone = drone
        self.backendURL = backendURL
        self.tokenExpires = tokenExpires
        self.readyInMilliseconds = readyInMilliseconds
    }
}

extension ConnectResponse: JSONEncodable {
    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("backend_id", self.backend)
            $0.field("spawned", self.spawned)
            $0.field("status", self.status)
            $0.field("token", self.token)
            $0.field("url", self.url)
            $0.field("subdomain", self.subdomain)
            $0.field("secret_token", self.secretToken)
            $0.field("status_url", self.statusURL)
            $0.field("drone", self.drone)
            $0.fieldIfPresent("backend_url", self.backendURL)
            $0.fieldIfPresent("token_expires", self.tokenExpires)
            $0.fieldIfPresent("ready_in_ms", self.readyInMilliseconds)
            $0.fieldIfPresent("ignored", self.ignoredKeys.isEmpty ? nil : self.ignoredKeys)
        }
    }
}

/// The URLs for visitors and applications.
package enum PublicAddress {
    /// The URL with a token: `http(s)://[<subdomain>.]<cluster>/<token>/`, with HTTPS if the cluster's name has no port, or the port 443.
    package static func ofToken(_ token: Secret, in cluster: ClusterName, subdomain: Subdomain?) -> Secret {
        let scheme = cluster.port == nil || cluster.port == 443 ? "https" : "http"
        return Secret("\(scheme)://\(subdomain.map { "\($0)." } ?? "")\(cluster)/\(token.exposed)/")
    }

    /// - Parameter base: the gateway's base URL, with or without a slash at its end.
    package static func ofStatus(_ backend: BackendID, base: String) -> String {
        "\(base.hasSuffix("/") ? String(base.dropLast()) : base)/pub/b/\(backend)/status"
    }

    /// A URL at which the drone's proxy turns the backend's token into a cookie, and redirects to the backend.
    package static func ofBackend(_ backend: BackendID, in cluster: ClusterName, at endpoint: PublicEndpoint, bearerToken: Secret?) -> Secret {
        let address = endpoint.url(of: backend, in: cluster)
        guard let bearerToken else { return Secret(address) }
        return Secret("\(address)_plane_auth?token=\(bearerToken.exposed)")
    }

    /// A base URL without its user part and without a slash at its end; nil for an invalid one.
    package static func base(_ url: String) -> String? {
        guard let scheme = ["https://", "http://"].first(where: { url.hasPrefix($0) }) else { return nil }
        var rest = url.dropFirst(scheme.count)
        let authorityEnd = rest.firstIndex(of: "/") ?? rest.endIndex
        if let at = rest[..<authorityEnd].lastIndex(of: "@") { rest = rest[rest.index(after: at)...] }
        while rest.hasSuffix("/") { rest.removeLast() }
        return rest.isEmpty ? nil : scheme + rest
    }
}
