/// The header fields a proxy has to know; all others pass through unread.
enum FieldKind: UInt8 {
    case other

    // Framing
    case contentLength, transferEncoding

    // Between two neighbours only (RFC 9110 §7.6.1): never forwarded as they came.
    case connection, keepAlive, proxyConnection, te, upgrade
    /// `Proxy-Authenticate`, `Proxy-Authorization`: meant for a proxy the client chose, which we are not.
    case proxyAuthentication
    /// Named in a `Connection` field of this message.
    case nominated

    // Read, and possibly rewritten
    case host, expect, cookie, authorization, date, trailer
    case forwardedFor, forwardedProto, forwardedHost
    /// `Forwarded`, and every other name that begins with `X-Forwarded-`, whatever stands for its hyphens.
    case otherForwarded
    /// `X-Request-Id`: what the client calls this request.
    case requestID

    /// A framing field or `Host` with an underscore for its hyphen. Gateways which turn names into environment variables
    /// cannot tell it from the real one.
    case misleading

    /// Never sent on as it came.
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
        switch name.count {
        case 2: bytes.equals(name, lowercase: "te") ? .te : .other
        case 4:
            if bytes.equals(name, lowercase: "host") { .host }
            else if bytes.equals(name, lowercase: "date") { .date }
            else { .other }
        case 6:
            if bytes.equals(name, lowercase: "cookie") { .cookie }
            else if bytes.equals(name, lowercase: "expect") { .expect }
            else { .other }
        case 7:
            if bytes.equals(name, lowercase: "upgrade") { .upgrade }
            else if bytes.equals(name, lowercase: "trailer") { .trailer }
            else { .other }
        case 9: bytes.equals(name, lowercase: "forwarded") ? .otherForwarded : .other
        case 10:
            if bytes.equals(name, lowercase: "connection") { .connection }
            else if bytes.equals(name, lowercase: "keep-alive") { .keepAlive }
            else { .other }
        default: name.count > 10 ? self.classifyLong(bytes, name) : .other
        }
    }

    private static func classifyLong(_ bytes: Span<UInt8>, _ name: Range<Int>) -> FieldKind {
        switch bytes[name.lowerBound].lowercased {
        case UInt8(ascii: "a"): bytes.equals(name, lowercase: "authorization") ? .authorization : .other
        case UInt8(ascii: "c"):
            if bytes.equals(name, lowercase: "content-length") { .contentLength }
            else if bytes.equals(name, lowercase: "content_length") { .misleading }
            else { .other }
        case UInt8(ascii: "p"):
            if bytes.equals(name, lowercase: "proxy-connection") { .proxyConnection }
            else if bytes.equals(name, lowercase: "proxy-authorization") { .proxyAuthentication }
            else if bytes.equals(name, lowercase: "proxy-authenticate") { .proxyAuthentication }
            else { .other }
        case UInt8(ascii: "t"):
            if bytes.equals(name, lowercase: "transfer-encoding") { .transferEncoding }
            else if bytes.equals(name, lowercase: "transfer_encoding") { .misleading }
            else { .other }
        case UInt8(ascii: "x"): self.classifyForwarded(bytes, name)
        default: .other
        }
    }

    private static func classifyForwarded(_ bytes: Span<UInt8>, _ name: Range<Int>) -> FieldKind {
        if bytes.equals(name, lowercase: "x-forwarded-for") { return .forwardedFor }
        if bytes.equals(name, lowercase: "x-forwarded-proto") { return .forwardedProto }
        if bytes.equals(name, lowercase: "x-forwarded-host") { return .forwardedHost }
        if bytes.equals(name, lowercase: "x-request-id") { return .requestID }
        let prefix: StaticString = "x-forwarded-"
        guard name.count > prefix.utf8CodeUnitCount else { return .other }
        for offset in 0..<prefix.utf8CodeUnitCount {
            let byte = bytes[name.lowerBound + offset]
            let folded = byte == UInt8(ascii: "_") ? UInt8(ascii: "-") : byte.lowercased
            guard folded == prefix.utf8Start[offset] else { return .other }
        }
        return .otherForwarded
    }
}
