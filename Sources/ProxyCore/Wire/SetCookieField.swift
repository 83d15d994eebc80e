import NIOCore

/// What a backend may put into `Set-Cookie` fields; the rest is removed from them (RFC 6265 §4.1, §5.2).
///
/// A cookie whose `Domain` is the cluster's or above it would be sent to all backends of the cluster. So one backend could set cookies for the others, or so
/// many that no request to them fits the limits. Without the attribute a cookie is for its host alone.
package struct SetCookieRules: Sendable {
    /// "." and the cluster's domain, in lower case.
    var clusterSuffix: [UInt8]
    /// `/_plane_backend=NAME` for a request that named its backend by the path; cookies are then limited to that path.
    var pathPrefix: [UInt8]?

    package init(clusterSuffix: [UInt8], pathPrefix: [UInt8]? = nil) {
        self.clusterSuffix = clusterSuffix
        self.pathPrefix = pathPrefix
    }

    /// Longer values, in bytes, are not written: browsers ignore them (RFC 6265bis §5.6), and would choose a path themselves.
    private static let pathLimit = 1024

    /// Whether the field may be passed on unchanged.
    func allows(_ bytes: Span<UInt8>, _ value: Range<Int>) -> Bool {
        if self.pathPrefix != nil { return false }
        var isAllowed = true
        Self.forEachAttribute(bytes, value) { attribute in
            if !self.keeps(bytes, attribute) { isAllowed = false }
        }
        return isAllowed
    }

    /// Writes the complete line, without what is not allowed.
    func write(_ bytes: Span<UInt8>, _ value: Range<Int>, into out: inout ByteBuffer) {
        out.writeStaticString("Set-Cookie: ")
        out.write(bytes, bytes.trimmingBlanks(value.lowerBound..<Self.pieceEnd(bytes, value)))
        var path: Range<Int>?
        Self.forEachAttribute(bytes, value) { attribute in
            // If an attribute is repeated the last one counts (RFC 6265 §5.3).
            if bytes.equals(attribute.name, lowercase: "path") { path = attribute.value }
            guard self.keeps(bytes, attribute) else { return }
            out.writeStaticString("; ")
            out.write(bytes, attribute.name.lowerBound..<max(attribute.name.upperBound, attribute.value.upperBound))
        }
        if let pathPrefix {
            out.writeStaticString("; Path=")
            out.writeBytes(pathPrefix)
            if let path, !path.isEmpty, bytes[path.lowerBound] == .slash, path.count > 1, path.count + pathPrefix.count <= Self.pathLimit {
                out.write(bytes, path)
            }
        }
        out.writeStaticString("\r\n")
    }

    private func keeps(_ bytes: Span<UInt8>, _ attribute: Attribute) -> Bool {
        if bytes.equals(attribute.name, lowercase: "domain") {
            return self.pathPrefix == nil && self.isBelowCluster(bytes, attribute.value)
        }
        return self.pathPrefix == nil || !bytes.equals(attribute.name, lowercase: "path")
    }

    /// Only a domain below the cluster's can be the backend's own; browsers ignore those of other hosts. Everything else counts as too wide, however it is
    /// written.
    private func isBelowCluster(_ bytes: Span<UInt8>, _ value: Range<Int>) -> Bool {
        var domain = value
        if let first = domain.first, bytes[first] == UInt8(ascii: ".") { domain = (first + 1)..<domain.upperBound }
        guard domain.count > self.clusterSuffix.count else { return false }
        let start = domain.upperBound - self.clusterSuffix.count
        for offset in 0..<self.clusterSuffix.count where bytes[start + offset].lowercased != self.clusterSuffix[offset] { return false }
        return true
    }

    // MARK: Attributes

    private struct Attribute {
        var name: Range<Int>
        /// Empty, at the end of the name, if the attribute has no value.
        var value: Range<Int>
    }

    private static func pieceEnd(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int {
        bytes.firstIndex(of: UInt8(ascii: ";"), in: range) ?? range.upperBound
    }

    /// Calls `body` with every attribute behind the cookie's name and value, as browsers split them.
    private static func forEachAttribute(_ bytes: Span<UInt8>, _ value: Range<Int>, _ body: (Attribute) -> Void) {
        var start = Self.pieceEnd(bytes, value) + 1
        while start < value.upperBound {
            let end = Self.pieceEnd(bytes, start..<value.upperBound)
            let equals = bytes.firstIndex(of: UInt8(ascii: "="), in: start..<end) ?? end
            let name = bytes.trimmingBlanks(start..<equals)
            let content = equals < end ? bytes.trimmingBlanks((equals + 1)..<end) : name.upperBound..<name.upperBound
            if !name.isEmpty { body(Attribute(name: name, value: content)) }
            start = end + 1
        }
    }
}
