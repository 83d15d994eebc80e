/// Ends all tokens of a scope that were made before: from gateways to the tier, through the stream `plane_tokens`, on a subject that names the scope.
/// A token counts if it stands behind the revocation in the stream. Ours.
package struct TokenRevocation: Hashable, Sendable {
    /// What a subject names. Words that begin with an underscore can be no backend's name, so that who knows no such scope leaves them alone.
    package enum Scope: Hashable, Sendable {
        /// One user's tokens for one backend.
        case visitor(BackendID, user: TokenHash)
        /// All tokens for one backend, static ones too.
        case backend(BackendID)
        /// One user's tokens for all backends.
        case user(TokenHash)
        /// Tokens for whichever backend holds a key: hash of its lock's name.
        case key(TokenHash)
        /// One token: its hash, or that of the id of a signed one.
        case token(TokenHash)

        private static let all = "all"

        package var subject: String {
            switch self {
            case .visitor(let backend, let user): "revoked.\(backend).\(user)"
            case .backend(let backend): "revoked.\(backend).\(Self.all)"
            case .user(let hash): "revoked._user.\(hash)"
            case .key(let hash): "revoked._key.\(hash)"
            case .token(let hash): "revoked._token.\(hash)"
            }
        }

        /// Nil if the subject is not one of a revocation.
        package init?(subject: String) {
            let tokens = subject.split(separator: ".", omittingEmptySubsequences: false).map { String($0) }
            guard tokens.count == 3, tokens[0] == "revoked" else { return nil }
            if let backend = BackendID(rawValue: tokens[1]) {
                if tokens[2] == Self.all {
                    self = .backend(backend)
                } else if let user = TokenHash(rawValue: tokens[2]) {
                    self = .visitor(backend, user: user)
                } else {
                    return nil
                }
                return
            }
            guard let hash = TokenHash(rawValue: tokens[2]) else { return nil }
            switch tokens[1] {
            case "_user": self = .user(hash)
            case "_key": self = .key(hash)
            case "_token": self = .token(hash)
            default: return nil
            }
        }

        /// The backend that it is about, if it is about one.
        package var backend: BackendID? {
            switch self {
            case .visitor(let backend, _), .backend(let backend): backend
            case .user, .key, .token: nil
            }
        }
    }

    package var time: WireTime

    package static let subscription = "revoked.*.*"
    /// One that is about no backend is kept for so long: longer than any signed token lasts, and than an opaque one can be without use.
    package static let keptSeconds: Int64 = 31 * 24 * 3600

    package init(at time: WireTime) {
        self.time = time
    }
}

extension TokenRevocation: JSONCodable {
    package init(json: JSONNode) throws(MessageError) { self.time = try json.required("at") }

    package func write(to json: inout JSONWriter) { json.object { $0.field("at", self.time) } }
}
