import ProxyCore

/// Finds out for which backend a request is, by its host name or its path.
struct BackendNaming: Sendable {
    /// "." and the cluster's domain, in lower case.
    let suffix: [UInt8]
    /// Whether `/_plane_backend=NAME/…` names a backend, too, on hosts that are not below the cluster's domain.
    private let allowsPath: Bool

    static let pathPrefix: StaticString = "/_plane_backend="
    /// Longer names cannot be host names (RFC 1035 §2.3.4).
    private static let nameLimit = 253

    /// - Parameter clusterName: a domain. Clusters for development may also be called `localhost:8080`, with the port that visitors use, which is no part of
    ///   a host name.
    init(clusterName: String, allowsPath: Bool) {
        self.suffix = [UInt8(ascii: ".")] + clusterName.utf8.prefix { $0 != .colon }.map(\.lowercased)
        self.allowsPath = allowsPath
    }

    struct Name: Equatable {
        /// The backend's name.
        var name: Range<Int>
        /// Path and query for the backend; the slash at the beginning may be missing.
        var path: Range<Int>
        var isByPath: Bool
    }

    /// Nil if the request names no backend.
    ///
    /// A host below the cluster's domain belongs to one backend, with its cookies and scripts, so a path there never leads to another backend.
    func name(_ head: RequestHead, _ bytes: Span<UInt8>) -> Name? {
        let host = head.hostName
        if self.endsWithSuffix(host, bytes) {
            let nameEnd = host.upperBound - self.suffix.count
            guard nameEnd > host.lowerBound, nameEnd - host.lowerBound <= Self.nameLimit else { return nil }
            return Name(name: host.lowerBound..<nameEnd, path: head.path, isByPath: false)
        }
        guard self.allowsPath, !self.isBelowWithDot(host, bytes) else { return nil }
        return Self.nameInPath(head, bytes)
    }

    @inline(__always)
    private func endsWithSuffix(_ host: Range<Int>, _ bytes: Span<UInt8>) -> Bool {
        guard host.count >= self.suffix.count else { return false }
        let start = host.upperBound - self.suffix.count
        for offset in 0..<self.suffix.count where bytes[start + offset].lowercased != self.suffix[offset] { return false }
        return true
    }

    /// A name with a dot at its end means the same host (RFC 1034 §3.1).
    private func isBelowWithDot(_ host: Range<Int>, _ bytes: Span<UInt8>) -> Bool {
        var end = host.upperBound
        while end > host.lowerBound, bytes[end - 1] == UInt8(ascii: ".") { end -= 1 }
        return end < host.upperBound && self.endsWithSuffix(host.lowerBound..<end, bytes)
    }

    private static func nameInPath(_ head: RequestHead, _ bytes: Span<UInt8>) -> Name? {
        let start = head.path.lowerBound + Self.pathPrefix.utf8CodeUnitCount
        guard start < head.path.upperBound, bytes.equals(head.path.lowerBound..<start, uppercase: Self.pathPrefix) else {
            return nil
        }
        var end = start
        while end < head.path.upperBound, Self.isNameCharacter(bytes[end]) { end += 1 }
        guard end > start, end - start <= Self.nameLimit else { return nil }
        guard end == head.path.upperBound || bytes[end] == .slash || bytes[end] == .questionMark else { return nil }
        return Name(name: start..<end, path: end..<head.path.upperBound, isByPath: true)
    }

    private static func isNameCharacter(_ byte: UInt8) -> Bool {
        byte.isDigit || (byte | 0x20) &- 0x61 < 26 || byte == 0x2D || byte == 0x2E || byte == 0x5F
    }
}
