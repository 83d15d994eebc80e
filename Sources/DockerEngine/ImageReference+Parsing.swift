extension ImageReference {
    /// The longest name and tag in the distribution specification.
    private static let nameLimit = 255
    private static let tagLimit = 128

    /// Parses the grammar of the distribution project (`reference/reference.go`); nil for what Docker would refuse as well. All characters of the result can
    /// be used in a URL path as they are.
    package init?(_ text: String) {
        var rest = text[...]
        var digest: String?
        if let at = rest.firstIndex(of: "@") {
            let written = rest[rest.index(after: at)...]
            guard Self.isDigest(written) else { return nil }
            digest = String(written)
            rest = rest[..<at]
        }
        var tag: String?
        // A colon before the last slash belongs to the registry's port.
        let lastPart = rest.lastIndex(of: "/").map { rest.index(after: $0) } ?? rest.startIndex
        if let colon = rest[lastPart...].firstIndex(of: ":") {
            let written = rest[rest.index(after: colon)...]
            guard Self.isTag(written) else { return nil }
            tag = String(written)
            rest = rest[..<colon]
        }
        guard !rest.isEmpty, rest.utf8.count <= Self.nameLimit else { return nil }
        if tag == nil, digest == nil, Self.isImageID(rest) {
            self.init(registry: nil, path: String(rest), tag: nil, digest: nil)
            return
        }
        var registry: String?
        if let slash = rest.firstIndex(of: "/"), Self.looksLikeRegistry(rest[..<slash]) {
            guard Self.isRegistry(rest[..<slash]) else { return nil }
            registry = String(rest[..<slash])
            rest = rest[rest.index(after: slash)...]
        }
        guard rest.split(separator: "/", omittingEmptySubsequences: false).allSatisfy(Self.isPathComponent) else { return nil }
        self.init(registry: registry, path: String(rest), tag: tag ?? (digest == nil ? "latest" : nil), digest: digest)
    }

    /// Docker's rule: the first part is a host if it cannot be the name of a user.
    private static func looksLikeRegistry(_ part: Substring) -> Bool {
        part == "localhost" || part.contains(".") || part.contains(":") || part.contains { $0.isUppercase }
    }

    /// Whether the part is `host`, `host:port` or `[v6]:port`.
    private static func isRegistry(_ part: Substring) -> Bool {
        var host = part
        if let colon = part.lastIndex(of: ":"), !part.hasSuffix("]") {
            guard UInt16(part[part.index(after: colon)...]) != nil else { return false }
            host = part[..<colon]
        }
        if host.hasPrefix("["), host.hasSuffix("]") {
            return host.dropFirst().dropLast().utf8.allSatisfy { $0.isHexDigit || $0 == UInt8(ascii: ":") }
        }
        return host.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            guard let first = label.utf8.first, let last = label.utf8.last else { return false }
            return first.isASCIILetterOrDigit && last.isASCIILetterOrDigit
                && label.utf8.allSatisfy { $0.isASCIILetterOrDigit || $0 == UInt8(ascii: "-") }
        }
    }

    /// Whether the part consists of lower-case words joined by one `.`, one or two `_`, or any number of `-`.
    private static func isPathComponent(_ part: Substring) -> Bool {
        func isWord(_ byte: UInt8) -> Bool { byte.isASCIIDigit || (0x61...0x7A).contains(byte) }
        guard let first = part.utf8.first, let last = part.utf8.last, isWord(first), isWord(last) else { return false }
        return part.utf8.split(whereSeparator: isWord).allSatisfy { separator in
            separator.allSatisfy { $0 == UInt8(ascii: "-") } || separator.elementsEqual(".".utf8)
                || separator.elementsEqual("_".utf8) || separator.elementsEqual("__".utf8)
        }
    }

    private static func isTag(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, first.isASCIILetterOrDigit || first == UInt8(ascii: "_") else { return false }
        return text.utf8.count <= Self.tagLimit
            && text.utf8.allSatisfy {
                $0.isASCIILetterOrDigit || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-")
            }
    }

    /// Whether the text is `sha256:` and 64 hexadecimal digits, or another algorithm with 32 to 128 digits.
    private static func isDigest(_ text: Substring) -> Bool {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let first = parts[0].utf8.first, !first.isASCIIDigit else { return false }
        return parts[0].utf8.allSatisfy(\.isASCIILetterOrDigit) && (32...128).contains(parts[1].utf8.count)
            && parts[1].utf8.allSatisfy(\.isHexDigit)
    }

    /// A name of 64 hexadecimal digits is always taken for an id.
    private static func isImageID(_ text: Substring) -> Bool {
        text.utf8.count == 64 && text.utf8.allSatisfy(\.isHexDigit)
    }
}

extension UInt8 {
    fileprivate var isHexDigit: Bool {
        self.isASCIIDigit || (0x61...0x66).contains(self) || (0x41...0x46).contains(self)
    }
}
