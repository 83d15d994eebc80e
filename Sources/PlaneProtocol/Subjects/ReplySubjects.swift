/// The subjects on which requesters may ask to be answered.
///
/// A requester names the subject of its answer itself, and the answer is published with the permissions of whoever answers. So an answer
/// goes only where nothing but answers is read: to an inbox. Any other reply subject could make the service carry out a command, write to
/// a stream or have JetStream's interface called, for somebody who may do none of that.
package struct ReplySubjects: Sendable {
    /// `_INBOX` is every client library's own. `controller.inbox`, `cli.inbox` and `cluster.<C>.inbox` are Plane's since 0.3, and an
    /// application's follows their pattern.
    package static let standardPrefixes = ["_INBOX", "*.inbox", "cluster.*.inbox"]

    /// What a server writes in place of the reply subject where a request passes from one account into another. It refuses this to clients.
    private static let serverPrefix: [Substring] = ["_R_"]
    /// First tokens under which something else than answers is read or kept.
    private static let ownRoots: Set<Substring> = ["state", "lease", "certificate", "backend", "logs", "secret"]

    private let prefixes: [[Substring]]

    /// - Parameter prefixes: each some tokens, of which `*` stands for any one; see `isPrefix`.
    package init(prefixes: [String] = ReplySubjects.standardPrefixes) {
        self.prefixes = prefixes.map { $0.split(separator: ".", omittingEmptySubsequences: false) }
    }

    /// Whether a text can be one of the prefixes: printable tokens, not all of them `*`, and nothing of the server's or of Plane's streams.
    package static func isPrefix(_ text: String) -> Bool {
        let tokens = text.split(separator: ".", omittingEmptySubsequences: false)
        guard tokens.allSatisfy(self.isToken), let first = tokens.first, tokens.contains(where: { $0 != "*" }) else { return false }
        return !self.ownRoots.contains(first) && !first.hasPrefix("$")
    }

    /// Whether a request with this reply subject is answered.
    package func contains(_ subject: String) -> Bool {
        let tokens = subject.split(separator: ".", omittingEmptySubsequences: false)
        guard let first = tokens.first, tokens.allSatisfy({ Self.isToken($0) && $0 != "*" }) else { return false }
        guard !Self.ownRoots.contains(first), !first.hasPrefix("$") else { return false }
        return Self.isBelow(Self.serverPrefix, tokens) || self.prefixes.contains { Self.isBelow($0, tokens) }
    }

    /// At least one token follows the prefix.
    private static func isBelow(_ prefix: [Substring], _ tokens: [Substring]) -> Bool {
        tokens.count > prefix.count && zip(prefix, tokens).allSatisfy { $0 == "*" || $0 == $1 }
    }

    private static func isToken(_ token: Substring) -> Bool {
        !token.isEmpty && token != ">" && token.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }
}
