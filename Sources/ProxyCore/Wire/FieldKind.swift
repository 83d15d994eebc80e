/// The header fields that the proxy treats in a special way; all others are passed on unread.
package enum FieldKind: UInt8 {
    case other

    // Framing
    case contentLength, transferEncoding

    // For two neighbours only (RFC 9110 §7.6.1): never forwarded as they came.
    case connection, keepAlive, proxyConnection, te, upgrade
    /// `Proxy-Authenticate`, `Proxy-Authorization` and `Proxy` are meant for a proxy that the client has chosen, which this is not.
    case proxyAuthentication
    /// Named in a `Connection` field of this message.
    case nominated

    // Read, and possibly rewritten
    case host, expect, cookie, setCookie, authorization, date, trailer
    case forwardedFor, forwardedProto, forwardedHost
    /// Any other field of ``ClientDescription``.
    case otherForwarded
    /// `X-Request-Id`: the client's id for this request.
    case requestID

    /// A framing field or `Host` with an underscore for its hyphen. Gateways that turn names into environment variables cannot tell it from the real one.
    case misleading

    /// Whether fields of this kind are never sent on as they came.
    @inline(__always)
    var isHopByHop: Bool {
        switch self {
        case .connection, .keepAlive, .proxyConnection, .te, .upgrade, .proxyAuthentication, .nominated: true
        default: false
        }
    }

    /// The kind of the field with this name.
    @inline(__always)
    static func classify(_ bytes: Span<UInt8>, _ name: Range<Int>) -> FieldKind {
        let kind = self.classifyOwn(bytes, name)
        return kind == .other && name.count > 5 && ClientDescription.contains(bytes, name) ? .otherForwarded : kind
    }

    @inline(__always)
    private static func classifyOwn(_ bytes: Span<UInt8>, _ name: Range<Int>) -> FieldKind {
        switch name.count {
        case 2: bytes.equals(name, lowercase: "te") ? .te : .other
        case 4:
            if bytes.equals(name, lowercase: "host") { .host } else if bytes.equals(name, lowercase: "date") { .date } else { .other }
        // `Proxy` is no field of HTTP, but as HTTP_PROXY it would tell CGI programs behind a backend which proxy to use.
        case 5: bytes.equals(name, lowercase: "proxy") ? .proxyAuthentication : .other
        case 6:
            if bytes.equals(name, lowercase: "cookie") { .cookie } else if bytes.equals(name, lowercase: "expect") { .expect } else { .other }
        case 7:
            if bytes.equals(name, lowercase: "upgrade") { .upgrade } else if bytes.equals(name, lowercase: "trailer") { .trailer } else { .other }
        case 10:
            if bytes.equals(name, lowercase: "connection") {
                .connection
            } else if bytes.equals(name, lowercase: "keep-alive") {
                .keepAlive
            } else if bytes.equals(name, lowercase: "set-cookie") {
                .setCookie
            } else {
                .other
            }
        default: name.count > 10 ? self.classifyLong(bytes, name) : .other
        }
    }

    private static func classifyLong(_ bytes: Span<UInt8>, _ name: Range<Int>) -> FieldKind {
        switch bytes[name.lowerBound].lowercased {
        case UInt8(ascii: "a"): bytes.equals(name, lowercase: "authorization") ? .authorization : .other
        case UInt8(ascii: "c"):
            if bytes.equals(name, lowercase: "content-length") {
                .contentLength
            } else if bytes.equals(name, lowercase: "content_length") {
                .misleading
            } else {
                .other
            }
        case UInt8(ascii: "p"):
            if bytes.equals(name, lowercase: "proxy-connection") {
                .proxyConnection
            } else if bytes.equals(name, lowercase: "proxy-authorization") {
                .proxyAuthentication
            } else if bytes.equals(name, lowercase: "proxy-authenticate") {
                .proxyAuthentication
            } else {
                .other
            }
        case UInt8(ascii: "t"):
            if bytes.equals(name, lowercase: "transfer-encoding") {
                .transferEncoding
            } else if bytes.equals(name, lowercase: "transfer_encoding") {
                .misleading
            } else {
                .other
            }
        case UInt8(ascii: "x"): self.classifyForwarded(bytes, name)
        default: .other
        }
    }

    private static func classifyForwarded(_ bytes: Span<UInt8>, _ name: Range<Int>) -> FieldKind {
        if bytes.equals(name, lowercase: "x-forwarded-for") { return .forwardedFor }
        if bytes.equals(name, lowercase: "x-forwarded-proto") { return .forwardedProto }
        if bytes.equals(name, lowercase: "x-forwarded-host") { return .forwardedHost }
        return bytes.equals(name, lowercase: "x-request-id") ? .requestID : .other
    }
}
