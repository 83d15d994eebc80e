import PlaneProtocol
package import VisitorTokens

/// The end of all tokens that somebody has named, as far as they were made before.
package struct TierRevocation: Hashable, Sendable {
    package enum Scope: Hashable, Sendable {
        case token(TokenDigest)
        /// At every backend.
        case user(TokenDigest)
        /// Tokens for whichever backend holds the key, by its lock's name.
        case key(TokenDigest)
        /// Static tokens too.
        case backend(String)
        case visitor(TokenDigest, of: String)
    }

    package var scope: Scope
    package var mark: Mark

    /// From when on it counts.
    package struct Mark: Hashable, Sendable {
        package var generation: TokenGeneration
        /// In seconds since 1970, by the clock of whoever revoked.
        package var time: Int64

        package init(_ generation: TokenGeneration, time: Int64) {
            self.generation = generation
            self.time = time
        }

        func ends(_ grant: TokenGrant) -> Bool { grant.generation.map { $0 < self.generation } ?? (grant.issued <= self.time) }
    }

    package init(_ scope: Scope, _ mark: Mark) {
        self.scope = scope
        self.mark = mark
    }

    /// The backend that it is about, if it is about one.
    var backend: String? {
        switch self.scope {
        case .backend(let backend), .visitor(_, of: let backend): backend
        case .token, .user, .key: nil
        }
    }
}

/// Whom a token that is in use belongs to, as revocations name it.
struct TokenOwnership {
    let id: TokenDigest
    let user: TokenDigest?
    let key: TokenDigest?

    init(_ digest: TokenDigest, _ grant: TokenGrant) {
        self.id = grant.id ?? digest
        // A static token says nothing of visitors.
        self.user = grant.isStatic ? nil : grant.user.map { TokenDigest(of: $0.utf8) }
        if case .holder(let lock) = grant.target { self.key = TokenDigest(of: lock.rawValue.utf8) } else { self.key = nil }
    }

    /// Calls `body` with each of the scopes in which it is, until that returns true.
    ///
    /// - Parameter backend: Where it leads now.
    func isIn(_ backend: String, where body: (TierRevocation.Scope) -> Bool) -> Bool {
        if body(.token(self.id)) || body(.backend(backend)) { return true }
        if let key, body(.key(key)) { return true }
        guard let user else { return false }
        return body(.visitor(user, of: backend)) || body(.user(user))
    }
}

/// All revocations that hold, from gateways alone. Those of a backend end with it; others when no token is left that is older.
///
/// A gateway that was stolen may write any number, for backends that do not exist as well. Of more than the limit the oldest are forgotten, as they are by
/// the stream.
struct RevocationTable {
    private let mostEntries: Int
    private var visitorCount = 0
    private var visitors: [String: [TokenDigest: TierRevocation.Mark]] = [:]
    private var others: [TierRevocation.Scope: TierRevocation.Mark] = [:]
    /// ``others`` is looked through for what is old when there are more.
    private var limit = Self.smallestLimit

    private static let smallestLimit = 1024
    /// With some 150 bytes each.
    private static let mostEntries = 2_000_000
    /// Seconds for which one counts that is about no backend: as long as the stream holds it.
    private static let longestTime = TokenRevocation.keptSeconds

    init(mostEntries: Int = RevocationTable.mostEntries) { self.mostEntries = mostEntries }

    var count: Int { self.others.count + self.visitorCount }

    mutating func insert(_ revocation: TierRevocation) {
        // Read again from the stream, or behind an older copy of it, it is no earlier than it was.
        func later(_ known: TierRevocation.Mark?) -> TierRevocation.Mark {
            guard let known, known.generation > revocation.mark.generation else { return revocation.mark }
            return known
        }
        if case .visitor(let user, of: let backend) = revocation.scope {
            let mark = later(self.visitors[backend]?[user])
            if self.visitors[backend, default: [:]].updateValue(mark, forKey: user) == nil { self.visitorCount += 1 }
        } else {
            self.others[revocation.scope] = later(self.others[revocation.scope])
            if self.others.count > self.limit { self.removeOld(at: revocation.mark.time) }
        }
        if self.count > self.mostEntries { self.removeOldest() }
    }

    /// Forgets the older half, so that this is rare.
    private mutating func removeOldest() {
        let generations = (self.others.values.map(\.generation) + self.visitors.values.flatMap { $0.values.map(\.generation) }).sorted()
        let middle = generations[generations.count / 2]
        self.others = self.others.filter { $0.value.generation >= middle }
        self.visitors = self.visitors.mapValues { $0.filter { $0.value.generation >= middle } }.filter { !$0.value.isEmpty }
        self.visitorCount = self.visitors.values.reduce(0) { $0 + $1.count }
    }

    private mutating func removeOld(at time: Int64) {
        self.others = self.others.filter { scope, mark in
            if case .backend = scope { return true }
            return mark.time + Self.longestTime > time
        }
        self.limit = max(Self.smallestLimit, self.others.count * 2)
    }

    mutating func remove(of backend: String) {
        self.visitorCount -= self.visitors.removeValue(forKey: backend)?.count ?? 0
        self.others[.backend(backend)] = nil
    }

    func ends(_ grant: TokenGrant, _ ownership: TokenOwnership, at backend: String) -> Bool {
        if self.visitors.isEmpty, self.others.isEmpty { return false }
        return ownership.isIn(backend) { scope in
            let mark: TierRevocation.Mark? =
                if case .visitor(let user, of: let backend) = scope { self.visitors[backend]?[user] } else { self.others[scope] }
            return mark?.ends(grant) ?? false
        }
    }
}
