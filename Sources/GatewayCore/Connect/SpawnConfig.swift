package import PlaneProtocol

/// The recipe of a backend (`spawn_config`).
package struct SpawnConfig: Hashable, Sendable {
    /// An id chosen by the application, which must never have been used.
    package var id: BackendID?
    package var cluster: ClusterName?
    package var pool = PoolName.unnamed
    package var executable: ExecutableRequest
    /// Seconds from the scheduling of the backend to its end.
    package var lifetimeLimit: WireSeconds?
    /// Seconds without a visitor after which the backend is ended; nil for no limit.
    package var maxIdle: WireSeconds?
    package var usesStaticToken = false
    package var subdomain: Subdomain?

    package init(executable: ExecutableRequest) { self.executable = executable }
}

extension SpawnConfig: JSONDecodable {
    package init(json: JSONNode) throws(MessageError) {
        self.executable = try json.required("executable")
        self.id = try json.optional("id")
        self.cluster = try json.optional("cluster")
        if let cluster = self.cluster, !cluster.isDomainWithPort {
            throw MessageError(path: [.key("cluster")], expected: ClusterName.expectation, found: "a colon without a port")
        }
        self.pool = try json.value("pool", default: .unnamed)
        self.lifetimeLimit = try Self.seconds(try json.optional("lifetime_limit_seconds", as: Int64.self), at: "lifetime_limit_seconds", from: 1)
        self.maxIdle = try Self.seconds(try json.optional("max_idle_seconds", as: Int64.self), at: "max_idle_seconds", from: 0)
        self.usesStaticToken = try json.value("use_static_token", default: false)
        self.subdomain = try json.optional("subdomain")
        if let subdomain, subdomain.isReserved {
            throw MessageError(path: [.key("subdomain")], expected: "a name that no program looks for by itself", found: "\(subdomain)")
        }
    }

    /// Plane's integers have 32 bits and a sign, and a negative limit is an error.
    private static func seconds(_ value: Int64?, at key: String, from least: Int64) throws(MessageError) -> WireSeconds? {
        guard let value else { return nil }
        guard (least...Int64(Int32.max)).contains(value) else {
            throw MessageError(path: [.key(key)], expected: "an integer from \(least) to \(Int32.max)", found: "\(value)")
        }
        return WireSeconds(rawValue: UInt64(value))
    }
}
