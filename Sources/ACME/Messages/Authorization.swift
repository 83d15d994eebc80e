/// The authority's decision whether the account may have certificates for one name (RFC 8555 §7.1.4).
struct Authorization: Hashable, Sendable, Decodable {
    enum Status: String, Hashable, Sendable, Decodable {
        case pending, valid, invalid, deactivated, expired, revoked
    }

    struct Identifier: Hashable, Sendable, Codable {
        var type: String
        var value: String
    }

    var identifier: Identifier
    var status: Status
    var challenges: [Challenge]

    /// Why the authority has refused the proof.
    var problem: ProblemDocument? { self.challenges.lazy.compactMap(\.error).first }
}

/// One of the ways to prove control of a name (RFC 8555 §8).
struct Challenge: Hashable, Sendable, Decodable {
    static let dns = "dns-01"

    var type: String
    var url: String
    /// Nil for some other kinds of challenge.
    var token: String?
    /// An unknown status is ignored, since the status of the authorization decides.
    var status: String?
    var error: ProblemDocument?
}
