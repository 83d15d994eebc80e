/// Whether a request may pass to a backend that asks for a token.
enum AccessVerdict: Equatable {
    /// `usedAuthorization`: the token was the `Authorization` field, which therefore is not the backend's business.
    case allowed(usedAuthorization: Bool)
    /// Nothing was shown: 401.
    case missing
    /// Something was shown, but not the token: 403.
    case wrong

    /// A valid cookie also lets pass a request whose `Authorization` is something else: then that is meant for the backend.
    static func of(_ head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, token: AccessToken) -> AccessVerdict {
        if let authorization = head.authorization, token.opens(authorization: authorization, in: bytes) {
            return .allowed(usedAuthorization: true)
        }
        if head.hasCookies {
            for field in fields where field.kind == .cookie {
                var opened = false
                CookieField.forEachPair(bytes, in: field.value) { _, ourValue in
                    if let ourValue, token.opens(cookie: ourValue, in: bytes) { opened = true }
                }
                if opened { return .allowed(usedAuthorization: false) }
            }
        }
        return head.authorization == nil ? .missing : .wrong
    }
}
