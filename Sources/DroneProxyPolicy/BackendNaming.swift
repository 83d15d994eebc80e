import ProxyCore

/// Which backend a request is for, by its host name or by its path.
struct BackendNaming: Sendable {
    /// "." and the cluster's domain, in lower case.
    let suffix: [UInt8]
    /// Whether `/_plane_backend=NAME/…` names a backend too, on hosts that are not below the cluster's domain.
    private let allowsPath: Bool

    static let pathPrefix: StaticString = "/_plane_backend="
    /// Longer names cannot be host names (RFC 1035 §2.3.4).
    private static let nameLimit = 253

    /// - Parameter clusterName: A domain. Clusters for development are called `localhost:8080` too, after the port that visitors use,
    ///   which is no part of a host's name.
    init(clusterName: String, allowsPath: Bool) {
        self.suffix = [UInt8(ascii: ".")] + clusterName.utf8.prefix { $0 != .colon }.map(\.lowercased)
        self.allowsPath = allowsPath
    }

    struct Name: Equatable {
        /// The backend's name.
        var name: Range<Int>
        /// The path and query for the backend; without its leading slash if that is missing.
        var path: Range<Int>
        var isByPath: Bool
    }

    /// Nil when the request names no backend.
    ///
    /// A host below the cluster's domain is one backend's own, with its cookies and its scripts: there a path never leads to another one.
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

    /// With the dot of the root at its end a name means the same host (RFC 1034 §3.1).
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
