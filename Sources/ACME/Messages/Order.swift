/// A certificate in the making (RFC 8555 §7.1.3).
struct Order: Hashable, Sendable, Decodable {
    /// `pending` → `ready` → `processing` → `valid`; `invalid` from anywhere.
    enum Status: String, Hashable, Sendable, Decodable {
        case pending, ready, processing, valid, invalid
    }

    var status: Status
    var authorizations: [String]
    var finalize: String
    /// Only when `valid`.
    var certificate: String?
    var error: ProblemDocument?
}
