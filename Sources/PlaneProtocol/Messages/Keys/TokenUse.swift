/// Says that a visitor's token is in use: proxies of the tier write and read it in a stream, on a subject with the token's hash. An addition to 0.3.24.
///
/// The stream is one of its own with `scheduler.token_uses_apart`, and otherwise that of the tokens. Notes that were written before stay in that one.
///
/// It counts from the moment at which the stream stored it. Whoever may write it can make a token that has not been used for its lifetime count again, and
/// nothing else: who the visitor is and what the token opens, and when it ends in any case, stands in its `TokenRecord`, which only gateways may write.
package struct TokenUse: Hashable, Sendable {
    package var backend: BackendID
    package var cluster: ClusterName

    package static let stream = "plane_token_uses"
    /// Matches the use of every token.
    package static let subscription = "used.*"

    package init(backend: BackendID, cluster: ClusterName) {
        self.backend = backend
        self.cluster = cluster
    }

    package static func subject(of token: TokenHash) -> String { "used.\(token)" }
}

extension TokenUse: JSONCodable {
    package init(json: JSONNode) throws(MessageError) {
        self.backend = try json.required("backend")
        self.cluster = try json.required("cluster")
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("backend", self.backend)
            $0.field("cluster", self.cluster)
        }
    }
}
