/// An order for a certificate (RFC 8555 §7.1.3).
struct Order: Hashable, Sendable, Decodable {
    /// `pending` → `ready` → `processing` → `valid`, or `invalid` after any of them.
    enum Status: String, Hashable, Sendable, Decodable {
        case pending, ready, processing, valid, invalid
    }

    var status: Status
    var authorizations: [String]
    var finalize: String
    /// Only set when the order is `valid`.
    var certificate: String?
    var error: ProblemDocument?
}
