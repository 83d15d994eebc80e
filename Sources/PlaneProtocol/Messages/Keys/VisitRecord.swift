/// Says that a user was given a token for a backend; gateways write and read it in the stream `plane_tokens`, so that a backend can be found by its visitors.
/// The subject contains everything, with a hash of the user's name. An addition to 0.3.24.
package enum VisitRecord {
    package static let subscription = "visited.*.*"
    package static let payload = Array("{}".utf8)

    /// - Parameter user: hash of the user's name.
    package static func subject(user: TokenHash, backend: BackendID) -> String { "visited.\(user).\(backend)" }

    /// Matches every record of one user.
    package static func subscription(user: TokenHash) -> String { "visited.\(user).*" }

    /// The backend in a subject; nil if it is not that of a record.
    package static func backend(of subject: String) -> BackendID? {
        let tokens = subject.split(separator: ".", omittingEmptySubsequences: false)
        guard tokens.count == 3, tokens[0] == "visited", TokenHash(rawValue: String(tokens[1])) != nil else { return nil }
        return BackendID(rawValue: String(tokens[2]))
    }
}
