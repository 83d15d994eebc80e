package import PlaneProtocol

/// What kind of token a request to connect wants (`token`). Ours.
package struct TokenRequest: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        /// 43 random characters, which proxies look up.
        case opaque
        /// One that proxies verify by themselves.
        case signed
    }

    /// nil leaves it to the configuration.
    package var kind: Kind?
    /// Whether it leads to whichever backend holds the key, and not to the present one alone.
    package var isForKey = false
    /// Seconds after which it ends, used or not; nil leaves it to the configuration.
    package var lifetimeSeconds: Int64?

    /// Ten years.
    package static let longestLifetime: Int64 = 315_360_000

    package init(kind: Kind? = nil, isForKey: Bool = false, lifetimeSeconds: Int64? = nil) {
        self.kind = kind
        self.isForKey = isForKey
        self.lifetimeSeconds = lifetimeSeconds
    }
}

extension TokenRequest: JSONDecodable {
    package init(json: JSONNode) throws(MessageError) {
        if let word: String = try json.optional("kind") {
            guard let kind = Kind(rawValue: word) else {
                throw MessageError(path: [.key("kind")], expected: "opaque or signed", found: "another word")
            }
            self.kind = kind
        }
        if let word: String = try json.optional("for") {
            guard word == "key" || word == "backend" else {
                throw MessageError(path: [.key("for")], expected: "backend or key", found: "another word")
            }
            self.isForKey = word == "key"
        }
        if let seconds: Int64 = try json.optional("lifetime_seconds") {
            guard (1...Self.longestLifetime).contains(seconds) else {
                throw MessageError(path: [.key("lifetime_seconds")], expected: "1 to \(Self.longestLifetime)", found: "\(seconds)")
            }
            self.lifetimeSeconds = seconds
        }
        guard !self.isForKey || self.kind != .opaque else {
            throw MessageError(path: [.key("for")], expected: "backend, where the kind is opaque", found: "key")
        }
    }
}
