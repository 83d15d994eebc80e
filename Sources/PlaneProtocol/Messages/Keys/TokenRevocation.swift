/// Ends all tokens of one user for one backend that were issued before: from gateways to the tier, through the stream `plane_tokens`, on a
/// subject that names backend and user. A token counts if it stands behind the revocation in the stream. Ours.
package struct TokenRevocation: Hashable, Sendable {
    package var time: WireTime

    package static let subscription = "revoked.*.*"

    package init(at time: WireTime) {
        self.time = time
    }

    /// - Parameter user: hash of the user's name.
    package static func subject(backend: BackendID, user: TokenHash) -> String { "revoked.\(backend).\(user)" }

    /// Matches every revocation for one backend.
    package static func subscription(backend: BackendID) -> String { "revoked.\(backend).*" }

    /// What a subject names; nil if it is not one of a revocation.
    package static func names(of subject: String) -> (backend: BackendID, user: TokenHash)? {
        let tokens = subject.split(separator: ".", omittingEmptySubsequences: false)
        guard tokens.count == 3, tokens[0] == "revoked", let backend = BackendID(rawValue: String(tokens[1])),
            let user = TokenHash(rawValue: String(tokens[2]))
        else { return nil }
        return (backend, user)
    }
}

extension TokenRevocation: JSONCodable {
    package init(json: JSONNode) throws(MessageError) { self.time = try json.required("at") }

    package func write(to json: inout JSONWriter) { json.object { $0.field("at", self.time) } }
}
