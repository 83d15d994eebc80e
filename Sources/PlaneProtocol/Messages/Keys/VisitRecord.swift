/// Says that a user was given a token for a backend: from gateways to gateways, through the stream `plane_tokens`, so that a backend is found by who
/// visits it. All that it says stands in its subject, with the user's name as a hash. Ours.
package enum VisitRecord {
    package static let subscription = "visited.*.*"
    package static let payload = Array("{}".utf8)

    /// - Parameter user: hash of the user's name.
    package static func subject(user: TokenHash, backend: BackendID) -> String { "visited.\(user).\(backend)" }

    /// Matches every note of one user.
    package static func subscription(user: TokenHash) -> String { "visited.\(user).*" }

    /// The backend that a subject names; nil if it is not one of a note.
    package static func backend(of subject: String) -> BackendID? {
        let tokens = subject.split(separator: ".", omittingEmptySubsequences: false)
        guard tokens.count == 3, tokens[0] == "visited", TokenHash(rawValue: String(tokens[1])) != nil else { return nil }
        return BackendID(rawValue: String(tokens[2]))
    }
}
