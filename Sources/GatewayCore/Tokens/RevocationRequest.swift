package import PlaneProtocol
import VisitorTokens

/// What `POST /ctrl/revocations` is to end. Ours.
package enum RevocationRequest: Hashable, Sendable {
    /// All tokens for one backend, or those of one user.
    case backend(BackendID, user: String?)
    /// One user's tokens for all backends.
    case user(String)
    /// Tokens for whichever backend holds the key, and those for the one that does.
    case key(BackendKey)
    /// An opaque one.
    case token(VisitorToken)
    /// A signed one, by its id (`jti`).
    case tokenID(String)

    package static let expectation = "one of token, token_id, user, key, backend_id, or backend_id and user"

    /// - Throws: 400 for what is not JSON, 422 for JSON that says something else.
    package init(body: [UInt8]) throws(GatewayError) {
        let document: JSONSyntax
        do throws(MessageError) {
            document = try WireCodec.decode(JSONSyntax.self, from: body)
        } catch {
            throw GatewayError(status: 400, text: "the body is not JSON: \(error)")
        }
        do throws(MessageError) { self = try RevocationRequest(json: document.node) } catch { throw .unprocessable(error) }
    }
}

extension RevocationRequest: JSONDecodable {
    package init(json: JSONNode) throws(MessageError) {
        let (token, id, user): (String?, String?, String?) = (try json.optional("token"), try json.optional("token_id"), try json.optional("user"))
        let (key, backend): (BackendKey?, BackendID?) = (try json.optional("key"), try json.optional("backend_id"))
        switch (token, id, user, key, backend) {
        case (let token?, nil, nil, nil, nil):
            if let opaque = VisitorToken(text: token) {
                self = .token(opaque)
            } else if let id = SignedToken.id(of: token) {
                self = .tokenID(id)
            } else {
                throw MessageError(path: [.key("token")], expected: "a token as connect has answered it", found: "another text")
            }
        case (nil, let id?, nil, nil, nil):
            guard (1...TokenClaims.longestID).contains(id.utf8.count) else {
                throw MessageError(path: [.key("token_id")], expected: "1 to \(TokenClaims.longestID) bytes", found: "\(id.utf8.count)")
            }
            self = .tokenID(id)
        case (nil, nil, let user?, nil, nil): self = .user(user)
        case (nil, nil, nil, let key?, nil): self = .key(key)
        case (nil, nil, let user, nil, let backend?): self = .backend(backend, user: user)
        default: throw MessageError(expected: Self.expectation, found: "another choice of them")
        }
    }
}

/// What came of a revocation.
package struct RevocationOutcome: Hashable, Sendable, JSONEncodable {
    /// Proxies of the tier that were heard of within half a minute.
    package var proxies: Int
    /// Those of them that have said what they have ended. The others will, when the message reaches them.
    package var answered: Int
    /// WebSockets and requests that were ended.
    package var ended: UInt64

    package init(proxies: Int, answered: Int, ended: UInt64) {
        self.proxies = proxies
        self.answered = answered
        self.ended = ended
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("proxies", self.proxies)
            $0.field("answered", self.answered)
            $0.field("ended", self.ended)
        }
    }
}
