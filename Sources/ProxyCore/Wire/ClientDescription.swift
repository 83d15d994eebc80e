/// The names of fields by which proxies tell a backend who its visitor is and what was asked for, by custom, by a product or by a standard. Programs behind a
/// proxy believe them, so a visitor must not be able to send them.
///
/// `X-Forwarded-For`, `-Proto` and `-Host`, which the proxy writes itself, are not among them. Gateways that turn names into environment variables map hyphen
/// and underscore to the same character, so here they are equal.
enum ClientDescription {
    /// Called for nearly every field of every request, so the first letter and then the length are checked first; few names are left to compare.
    ///
    /// - Parameter name: Of at least two bytes.
    static func contains(_ bytes: Span<UInt8>, _ name: Range<Int>) -> Bool {
        let second = bytes[name.lowerBound + 1].lowercased
        switch bytes[name.lowerBound].lowercased {
        case UInt8(ascii: "x"):
            return self.isListedExtension(bytes, name) || self.begins(bytes, name, "x-forwarded-") || self.begins(bytes, name, "x-ssl-")
        case UInt8(ascii: "c"):
            return (second == UInt8(ascii: "l") || second == UInt8(ascii: "f")) && self.isListed(bytes, name)
        case UInt8(ascii: "s"):
            return second == UInt8(ascii: "s") && self.begins(bytes, name, "ssl-client-")
        case UInt8(ascii: "f"), UInt8(ascii: "h"), UInt8(ascii: "p"), UInt8(ascii: "t"), UInt8(ascii: "w"):
            return self.isListed(bytes, name)
        default:
            return false
        }
    }

    private static func isListedExtension(_ bytes: Span<UInt8>, _ name: Range<Int>) -> Bool {
        switch name.count {
        case 6: self.equals(bytes, name, "x-host")
        case 7: self.equals(bytes, name, "x-https")
        case 8: self.equals(bytes, name, "x-scheme")
        case 9: self.equals(bytes, name, "x-real-ip")
        case 11:
            self.equals(bytes, name, "x-client-ip") || self.equals(bytes, name, "x-remote-ip") || self.equals(bytes, name, "x-source-ip")
                || self.equals(bytes, name, "x-forwarded")
        case 12:
            self.equals(bytes, name, "x-url-scheme") || self.equals(bytes, name, "x-request-id")
        case 13:
            self.equals(bytes, name, "x-remote-addr") || self.equals(bytes, name, "x-rewrite-url")
                || self.equals(bytes, name, "x-rewrite-uri") || self.equals(bytes, name, "x-client-cert")
        case 14:
            self.equals(bytes, name, "x-original-url") || self.equals(bytes, name, "x-original-uri")
                || self.equals(bytes, name, "x-proxyuser-ip")
        case 15: self.equals(bytes, name, "x-original-host")
        case 16:
            self.equals(bytes, name, "x-original-proto") || self.equals(bytes, name, "x-originating-ip")
                || self.equals(bytes, name, "x-azure-clientip") || self.equals(bytes, name, "x-azure-socketip")
        case 17:
            self.equals(bytes, name, "x-original-method") || self.equals(bytes, name, "x-original-scheme")
        case 19:
            self.equals(bytes, name, "x-cluster-client-ip") || self.equals(bytes, name, "x-appengine-user-ip")
        case 21:
            self.equals(bytes, name, "x-envoy-original-path") || self.equals(bytes, name, "x-envoy-original-host")
        case 24:
            self.equals(bytes, name, "x-original-forwarded-for") || self.equals(bytes, name, "x-envoy-external-address")
        default: false
        }
    }

    /// Also contains the fields in which a proxy passes on the visitor's certificate (RFC 9440).
    private static func isListed(_ bytes: Span<UInt8>, _ name: Range<Int>) -> Bool {
        switch name.count {
        case 9:
            self.equals(bytes, name, "client-ip") || self.equals(bytes, name, "forwarded")
        case 11: self.equals(bytes, name, "client-cert")
        case 13: self.equals(bytes, name, "fly-client-ip")
        case 14:
            self.equals(bytes, name, "true-client-ip") || self.equals(bytes, name, "http-client-ip")
                || self.equals(bytes, name, "cf-pseudo-ipv4")
        case 15:
            self.equals(bytes, name, "proxy-client-ip") || self.equals(bytes, name, "front-end-https")
        case 16:
            self.equals(bytes, name, "cf-connecting-ip") || self.equals(bytes, name, "fastly-client-ip")
        case 17: self.equals(bytes, name, "client-cert-chain")
        case 18:
            self.equals(bytes, name, "cf-connecting-ipv6") || self.equals(bytes, name, "wl-proxy-client-ip")
        case 20: self.equals(bytes, name, "http-x-forwarded-for")
        default: false
        }
    }

    /// Whether the name begins with `prefix` (in lower case, with hyphens) and is longer.
    static func begins(_ bytes: Span<UInt8>, _ name: Range<Int>, _ prefix: StaticString) -> Bool {
        name.count > prefix.utf8CodeUnitCount && self.equals(bytes, name, prefix)
    }

    /// Compares as many bytes as `text` has; the caller has checked the length.
    @inline(__always)
    private static func equals(_ bytes: Span<UInt8>, _ name: Range<Int>, _ text: StaticString) -> Bool {
        let expected = text.utf8Start
        for offset in 0..<text.utf8CodeUnitCount {
            let byte = bytes[name.lowerBound &+ offset]
            let folded = byte == UInt8(ascii: "_") ? UInt8(ascii: "-") : byte.lowercased
            guard folded == expected[offset] else { return false }
        }
        return true
    }
}
