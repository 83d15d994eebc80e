import ProxyCore

/// Whether a request may reach a backend that requires a token.
enum AccessVerdict: Equatable {
    /// - Parameter usedAuthorization: whether the token was in the `Authorization` field, which the backend then does not get.
    case allowed(usedAuthorization: Bool)
    /// The request has no token: 401.
    case missing
    /// The request has a wrong token: 403.
    case wrong
    /// The cookie is valid, but nothing shows that a page of the backend itself has sent it: 403.
    case foreignOrigin

    /// A valid cookie also admits a request whose `Authorization` is something else: then that is meant for the backend.
    ///
    /// Browsers send the cookie with requests from pages of other backends, too, since all backends of a cluster are one site to them (`SameSite`). So
    /// requests that can change something, that is upgrades and methods that are not safe, have to come from a page of the backend itself.
    ///
    /// - Parameter origin: decides whether a page of the backend has sent the request.
    static func of(
        _ head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, token: AccessToken, origin: SameOriginCheck
    ) -> AccessVerdict {
        if let authorization = head.authorization, token.opens(authorization: authorization, in: bytes) {
            return .allowed(usedAuthorization: true)
        }
        if head.hasCookies {
            for field in fields where field.kind == .cookie {
                var opened = false
                CookieField.forEachPair(bytes, in: field.value, named: DroneAccess.cookieName) { _, ourValue in
                    if let ourValue, token.opens(cookie: ourValue, in: bytes) { opened = true }
                }
                guard opened else { continue }
                if !head.wantsUpgrade, head.isSafe(bytes) { return .allowed(usedAuthorization: false) }
                return origin.isOf(head, fields, bytes) ? .allowed(usedAuthorization: false) : .foreignOrigin
            }
        }
        return head.authorization == nil ? .missing : .wrong
    }
}
