package import PlaneProtocol

/// A token with which an application or a person may use `/ctrl`, as in the configuration: its hash, and what it allows.
package struct APIToken: Hashable, Sendable {
    package var name: String
    package var hash: TokenHash
    package var mayWrite = false
    /// The clusters for which the token is valid; empty for all.
    package var clusters: Set<ClusterName> = []
    package var pools: Set<PoolName> = []
    /// The namespaces of keys for which the token is valid begin like one of these; empty for all.
    package var namespaces: [String] = []

    package init(name: String, hash: TokenHash, mayWrite: Bool) {
        self.name = name
        self.hash = hash
        self.mayWrite = mayWrite
    }

    package static let expectation = #""sha256:<64 hexadecimal digits> <read or write> [cluster=<name>] [pool=<name>] [namespace=<prefix>]""#

    /// Parses the text of the configuration; nil if it is invalid.
    package init?(name: String, text: String) {
        let words = text.split(separator: " ", omittingEmptySubsequences: true)
        guard words.count >= 2, words[0].hasPrefix("sha256:"), let hash = TokenHash(rawValue: String(words[0].dropFirst(7))) else { return nil }
        guard words[1] == "read" || words[1] == "write" else { return nil }
        self.init(name: name, hash: hash, mayWrite: words[1] == "write")
        for word in words.dropFirst(2) {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { return nil }
            let value = String(parts[1])
            switch parts[0] {
            case "cluster":
                guard let cluster = ClusterName(rawValue: value) else { return nil }
                self.clusters.insert(cluster)
            case "pool":
                guard let pool = PoolName(rawValue: value) else { return nil }
                self.pools.insert(pool)
            case "namespace": self.namespaces.append(value)
            default: return nil
            }
        }
    }

    /// The token as a text for the configuration.
    package var text: String {
        (["sha256:\(self.hash)", self.mayWrite ? "write" : "read"] + self.clusters.map { "cluster=\($0)" }.sorted()
            + self.pools.map { "pool=\($0)" }.sorted() + self.namespaces.map { "namespace=\($0)" }).joined(separator: " ")
    }

    /// Whether the token allows a call.
    package func permits(_ scope: CallScope) -> Bool {
        guard !scope.changes || self.mayWrite else { return false }
        guard self.clusters.isEmpty || scope.cluster.map(self.clusters.contains) ?? false else { return false }
        guard self.pools.isEmpty || scope.pool.map(self.pools.contains) ?? false else { return false }
        return self.namespaces.isEmpty || scope.namespace.map(self.reaches(namespace:)) ?? false
    }

    /// Whether the token allows anything with keys of this namespace.
    private func reaches(namespace: String) -> Bool {
        self.namespaces.isEmpty || self.namespaces.contains { namespace.utf8.starts(with: $0.utf8) }
    }

    /// Whether the token may change anything with a key of this namespace, in whichever cluster and pool.
    package func mayChange(namespace: String) -> Bool { self.mayWrite && self.reaches(namespace: namespace) }

    /// Whether the token allows anything in this cluster.
    package func reaches(_ cluster: ClusterName) -> Bool { self.clusters.isEmpty || self.clusters.contains(cluster) }
}

/// What a call reads or changes, for the decision whether a token's scope allows it. Nil where the call does not say.
package struct CallScope: Hashable, Sendable {
    package var changes: Bool
    package var cluster: ClusterName?
    package var pool: PoolName?
    package var namespace: String?

    package init(changes: Bool, cluster: ClusterName? = nil, pool: PoolName? = nil, namespace: String? = nil) {
        self.changes = changes
        self.cluster = cluster
        self.pool = pool
        self.namespace = namespace
    }
}

/// Who makes a request.
package enum Caller: Hashable, Sendable {
    /// The gateway does not check callers, or another server has checked this one.
    case anybody
    case holder(APIToken)

    package func may(_ scope: CallScope) -> Bool {
        switch self {
        case .anybody: true
        case .holder(let token): token.permits(scope)
        }
    }

    /// Whether the caller may change anything with a key of this namespace, in whichever cluster and pool.
    package func mayChange(namespace: String) -> Bool {
        switch self {
        case .anybody: true
        case .holder(let token): token.mayChange(namespace: namespace)
        }
    }

    /// Whether the caller may read anything of this cluster.
    package func sees(_ cluster: ClusterName) -> Bool {
        switch self {
        case .anybody: true
        case .holder(let token): token.reaches(cluster)
        }
    }

    package var name: String? {
        switch self {
        case .anybody: nil
        case .holder(let token): token.name
        }
    }
}
