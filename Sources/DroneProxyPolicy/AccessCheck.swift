import ProxyCore

/// Whether a request may pass to a backend that asks for a token.
enum AccessVerdict: Equatable {
    /// `usedAuthorization`: the token was the `Authorization` field, which therefore is not the backend's business.
    case allowed(usedAuthorization: Bool)
    /// Nothing was shown: 401.
    case missing
    /// Something was shown, but not the token: 403.
    case wrong
    /// The cookie is right, but nothing says that the backend's own page sent it: 403.
    case foreignOrigin

    /// A valid cookie also lets pass a request whose `Authorization` is something else: then that is meant for the backend.
    ///
    /// Browsers send the cookie with whatever the pages of other backends ask for, since all of a cluster are one site to them (`SameSite`).
    /// So what can do something, an upgrade or a method that is not safe, has to come from the backend's own page.
    ///
    /// - Parameter origin: How the backend's own pages are known.
    static func of(
        _ head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, token: AccessToken, origin: OwnOrigin
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
