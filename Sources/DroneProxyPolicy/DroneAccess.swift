import ProxyCore

/// Decides whether a request may reach its backend, and how it is answered otherwise. Also answers the page that turns a token in a link into a cookie.
struct DroneAccess {
    /// The name of the cookie with the token, for browsers.
    static let cookieName: StaticString = "_plane_auth"

    /// Whether CORS preflights, which cannot contain a token, are admitted.
    var allowsPreflights: Bool
    /// Whether `X-Forwarded-Proto` and `-Host` are believed.
    var trustsForwarding: Bool

    enum Outcome {
        /// - Parameter usedAuthorization: whether the token was in the `Authorization` field.
        case admitted(usedAuthorization: Bool)
        case answer(ProxyAnswer)
    }

    func admit(
        _ head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, _ name: BackendNaming.Name, to route: DroneRoute,
        from visitor: Visitor
    ) -> Outcome {
        let page = route.isBackend ? AuthenticationPage(bytes, path: name.path) : nil
        guard let token = route.token else {
            if let page { return .answer(Self.redirectOnward(page, name: name, bytes)) }
            return .admitted(usedAuthorization: false)
        }
        let isHTTPS = self.isSeenAsHTTPS(visitor, fields, bytes)
        let origin = SameOriginCheck(isHTTPS: isHTTPS, trustsForwarding: self.trustsForwarding)
        let verdict = AccessVerdict.of(head, fields, bytes, token: token, origin: origin)
        if let page {
            if page.token == nil, case .allowed = verdict { return .answer(Self.redirectOnward(page, name: name, bytes)) }
            return .answer(Self.authenticate(page, token: token, name: name, bytes, isHTTPS: isHTTPS))
        }
        switch verdict {
        case .allowed(let usedAuthorization): return .admitted(usedAuthorization: usedAuthorization)
        case .missing where self.allowsPreflights && head.isPreflight(fields, bytes): return .admitted(usedAuthorization: false)
        case .missing: return .answer(ProxyAnswer(.unauthorized, "Expected bearer token.", refusal: .tokenMissing))
        case .wrong: return .answer(Self.wrongToken)
        case .foreignOrigin:
            return .answer(
                ProxyAnswer(
                    .forbidden, "With a cookie this is for the backend's own pages: Origin, or Sec-Fetch-Site, has to say so.",
                    refusal: .foreignOrigin))
        }
    }

    private static let wrongToken = ProxyAnswer(.forbidden, "The token is not valid here.", refusal: .tokenWrong)

    /// Whether the visitor's browser uses HTTPS, to this proxy or to a trusted one before it.
    private func isSeenAsHTTPS(_ visitor: Visitor, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>) -> Bool {
        if visitor.isHTTPS { return true }
        guard self.trustsForwarding else { return false }
        return fields.contains { $0.kind == .forwardedProto && bytes.equals($0.value, lowercase: "https") }
    }

    // MARK: /_plane_auth

    /// - Parameter page: the parameters in the link; the token may be missing.
    private static func authenticate(
        _ page: AuthenticationPage, token: AccessToken, name: BackendNaming.Name, _ bytes: Span<UInt8>, isHTTPS: Bool
    ) -> ProxyAnswer {
        guard let candidate = page.token else {
            return ProxyAnswer(.unauthorized, "Expected a token in the query.", refusal: .tokenMissing)
        }
        guard token.isEqual(candidate) else { return Self.wrongToken }
        let cookie = "\(Self.cookieName)=\(String(decoding: token.cookieValue, as: UTF8.self))"
        let path = name.isByPath ? Self.prefix(name, bytes) : "/"
        let secure = isHTTPS ? "; Secure" : ""
        return Self.redirectOnward(page, name: name, bytes, fields: "Set-Cookie: \(cookie); HttpOnly; SameSite=Lax; Path=\(path)\(secure)\r\n")
    }

    /// Redirects the browser to the page in the link. Nothing else is needed if the backend requires no token, or the request has shown it.
    private static func redirectOnward(
        _ page: AuthenticationPage, name: BackendNaming.Name, _ bytes: Span<UInt8>, fields: String = ""
    ) -> ProxyAnswer {
        guard let location = page.location else {
            return ProxyAnswer(.badRequest, "Redirect must be relative and start with a slash.", refusal: .foreignRedirect)
        }
        let target = Self.prefix(name, bytes) + String(decoding: location, as: UTF8.self)
        return ProxyAnswer(.found, "", fields: "Location: \(target)\r\n" + fields, refusal: nil)
    }

    /// If backends are named by path, each has a part of the host for itself, and cookies are limited to that.
    private static func prefix(_ name: BackendNaming.Name, _ bytes: Span<UInt8>) -> String {
        name.isByPath ? BackendNaming.pathPrefix.description + bytes.text(name.name) : ""
    }
}
