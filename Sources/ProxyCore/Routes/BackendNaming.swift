/// Which backend a request is for, by its host name or by its path.
struct BackendNaming: Sendable {
    /// "." and the cluster's name, in lower case.
    private let suffix: [UInt8]
    /// Whether `/_plane_backend=NAME/…` names a backend too.
    private let allowsPath: Bool

    static let pathPrefix: StaticString = "/_plane_backend="
    /// Longer names cannot be host names (RFC 1035 §2.3.4).
    private static let nameLimit = 253

    init(clusterName: String, allowsPath: Bool) {
        self.suffix = [UInt8(ascii: ".")] + clusterName.utf8.map(\.lowercased)
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
    func name(_ head: RequestHead, _ bytes: Span<UInt8>) -> Name? {
        if self.allowsPath, let name = Self.nameInPath(head, bytes) { return name }
        let host = head.hostName
        guard host.count > self.suffix.count else { return nil }
        let nameEnd = host.upperBound - self.suffix.count
        for offset in 0..<self.suffix.count where bytes[nameEnd + offset].lowercased != self.suffix[offset] {
            return nil
        }
        guard nameEnd - host.lowerBound <= Self.nameLimit else { return nil }
        return Name(name: host.lowerBound..<nameEnd, path: head.path, isByPath: false)
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
