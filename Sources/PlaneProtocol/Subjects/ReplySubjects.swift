/// The subjects on which requesters may ask to be answered.
///
/// A requester chooses the subject of its answer, and the answer is published with the permissions of the service. So an answer is only sent to an inbox,
/// where nothing but answers is read. With any other reply subject a requester could make the service carry out a command, write to a stream or call
/// JetStream's API, without having that permission itself.
package struct ReplySubjects: Sendable {
    /// `_INBOX` is the prefix of all client libraries. `controller.inbox`, `cli.inbox` and `cluster.<C>.inbox` have been Plane's since 0.3, and those of
    /// applications follow this pattern.
    package static let standardPrefixes = ["_INBOX", "*.inbox", "cluster.*.inbox"]

    /// A server writes this in place of the reply subject if a request passes from one account into another. Clients are not permitted to use it.
    private static let serverPrefix: [Substring] = ["_R_"]
    /// First tokens of subjects that are used for other things than answers: those of all streams (`SchedulerStreams`) and of log lines.
    private static let ownRoots: Set<Substring> = [
        "state", "lease", "certificate", "backend", "logs", "secret", "token", "revoked", "opened", "visited", "used", "key",
    ]
    /// First token of commands and requests; answers are only below `cluster.<C>.inbox`. No `*` of a prefix stands for it, since a cluster may be called
    /// `inbox`.
    private static let clusterRoot: Substring = "cluster"

    private let prefixes: [[Substring]]

    /// - Parameter prefixes: each consists of tokens, of which `*` stands for any one; see `isPrefix`.
    package init(prefixes: [String] = ReplySubjects.standardPrefixes) {
        self.prefixes = prefixes.map { $0.split(separator: ".", omittingEmptySubsequences: false) }
    }

    /// Whether a text can be a prefix: printable tokens, not all of them `*`, and none that the server or Plane's streams use.
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

    /// Whether at least one token follows the prefix.
    private static func isBelow(_ prefix: [Substring], _ tokens: [Substring]) -> Bool {
        guard tokens.count > prefix.count, tokens.first != self.clusterRoot || prefix.first == self.clusterRoot else { return false }
        return zip(prefix, tokens).allSatisfy { $0 == "*" || $0 == $1 }
    }

    private static func isToken(_ token: Substring) -> Bool {
        !token.isEmpty && token != ">" && token.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }
}
