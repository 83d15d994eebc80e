import ProxyCore

/// Decides whether a page of the backend itself has sent a request, by what its browser says (RFC 6454, W3C Fetch Metadata).
struct SameOriginCheck {
    /// Whether the browser uses HTTPS to this proxy, or to a trusted proxy before it. If not, an unknown proxy may use HTTPS.
    var isHTTPS: Bool
    /// Whether `X-Forwarded-Host` contains the host that the browser has asked for.
    var trustsForwarding: Bool

    /// `Origin` decides if it names an origin; a page that hides its address sends `null`. Otherwise `Sec-Fetch-Site` decides, which no page can write. A
    /// request with neither comes from no page: browsers send one of them with every request for which this matters.
    func isOf(_ head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>) -> Bool {
        var isOwn = false
        for field in fields where bytes.equals(field.name, lowercase: "origin") && !bytes.equals(field.value, lowercase: "null") {
            guard self.isOwn(field.value, head, fields, bytes) else { return false }
            isOwn = true
        }
        if isOwn { return true }
        for field in fields where bytes.equals(field.name, lowercase: "sec-fetch-site") {
            // "none" means that the user has typed the address or reloaded the page.
            guard bytes.equals(field.value, lowercase: "same-origin") || bytes.equals(field.value, lowercase: "none") else { return false }
            isOwn = true
        }
        return isOwn
    }

    private func isOwn(_ origin: Range<Int>, _ head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>) -> Bool {
        let (https, http): (StaticString, StaticString) = ("https://", "http://")
        if Self.begins(bytes, origin, https) {
            let authority = (origin.lowerBound + https.utf8CodeUnitCount)..<origin.upperBound
            return self.names(authority, head, fields, bytes, defaultPort: ":443")
        }
        guard !self.isHTTPS, Self.begins(bytes, origin, http) else { return false }
        let authority = (origin.lowerBound + http.utf8CodeUnitCount)..<origin.upperBound
        return self.names(authority, head, fields, bytes, defaultPort: ":80")
    }

    /// Whether the authority is the host and port of the request.
    private func names(
        _ authority: Range<Int>, _ head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, defaultPort: StaticString
    ) -> Bool {
        let authority = Self.without(defaultPort, bytes, authority)
        if bytes.equalsIgnoringCase(authority, Self.without(defaultPort, bytes, head.host)) { return true }
        guard self.trustsForwarding else { return false }
        return fields.contains {
            $0.kind == .forwardedHost && bytes.equalsIgnoringCase(authority, Self.without(defaultPort, bytes, $0.value))
        }
    }

    private static func begins(_ bytes: Span<UInt8>, _ value: Range<Int>, _ prefix: StaticString) -> Bool {
        let length = prefix.utf8CodeUnitCount
        return value.count > length && bytes.equals(value.lowerBound..<(value.lowerBound + length), lowercase: prefix)
    }

    private static func without(_ suffix: StaticString, _ bytes: Span<UInt8>, _ value: Range<Int>) -> Range<Int> {
        let length = suffix.utf8CodeUnitCount
        guard value.count > length, bytes.equals((value.upperBound - length)..<value.upperBound, lowercase: suffix) else { return value }
        return value.lowerBound..<(value.upperBound - length)
    }
}
