import GatewayCore
import GatewayHTTPConfiguration
import PlaneProtocol

/// Identifies the caller by the tokens in the configuration.
struct CallerCheck: Sendable {
    private let tokens: [TokenHash: APIToken]

    /// The name of the cookie with the token of a person who has logged in on the page.
    static let cookie = "plane_gateway"

    init(_ tokens: [APIToken]) {
        self.tokens = Dictionary(tokens.map { ($0.hash, $0) }) { first, _ in first }
    }

    /// Whether callers are not checked, because there are no tokens.
    var isOpen: Bool { self.tokens.isEmpty }

    /// - Parameter acceptsCookie: true for the page only. On the interface for programs a cookie would let pages of other sites act in a person's name.
    func caller(of request: IncomingRequest, acceptsCookie: Bool) throws(GatewayError) -> Caller {
        guard !self.isOpen else { return .anybody }
        let text = Self.bearer(request.field("authorization")) ?? (acceptsCookie ? Self.cookieToken(request.field("cookie")) : nil)
        guard let text, let token = self.token(text) else { throw GatewayError(status: 401, text: "Unauthorized") }
        return .holder(token)
    }

    /// Found by its hash, so that the time this takes says nothing about valid tokens.
    func token(_ text: String) -> APIToken? { self.tokens[TokenHash(of: text)] }

    private static func bearer(_ field: String?) -> String? {
        guard let field, field.prefix(7).lowercased() == "bearer " else { return nil }
        return field.dropFirst(7).trimmed
    }

    private static func cookieToken(_ field: String?) -> String? {
        field?.split(separator: ";").lazy.map { $0.trimmed }.first { $0.hasPrefix("\(Self.cookie)=") }.map { String($0.dropFirst(Self.cookie.utf8.count + 1)) }
    }
}
