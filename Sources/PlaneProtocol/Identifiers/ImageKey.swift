/// Stands for the name of an image, however it is spelled: `redis`, `redis:latest` and `docker.io/library/redis` have one key.
///
/// Eight bytes, so that a scheduler can keep which images thousands of drones have. Two names may have one key by chance; whoever goes by keys must do no harm
/// then.
package struct ImageKey: Hashable, Sendable {
    package let rawValue: UInt64

    /// - Parameter name: `[registry/]path[:tag][@digest]`, as requests and Docker write it. Beside a digest the tag does not count, and without either it is
    ///   `latest`.
    package init(_ name: String) {
        let text = name.utf8
        let end = text.firstIndex(of: UInt8(ascii: "@")) ?? text.endIndex
        var repository = text[..<end]
        var reference = text[end...]
        // A colon before the last slash belongs to the registry's port.
        let lastPart = repository.lastIndex(of: UInt8(ascii: "/")).map { repository.index(after: $0) } ?? repository.startIndex
        if let colon = repository[lastPart...].firstIndex(of: UInt8(ascii: ":")) {
            if reference.isEmpty { reference = repository[colon...] }
            repository = repository[..<colon]
        }
        for prefix in Self.impliedPrefixes where repository.starts(with: prefix.utf8) { repository = repository.dropFirst(prefix.utf8.count) }
        var hash = SipHash13()
        for byte in repository { hash.update(byte) }
        if reference.isEmpty {
            for byte in ":latest".utf8 { hash.update(byte) }
        } else {
            for byte in reference { hash.update(byte) }
        }
        self.rawValue = hash.finalize()
    }

    /// What Docker adds to a name that says no registry, or no user, in this order.
    private static let impliedPrefixes = ["index.docker.io/", "docker.io/", "library/"]
}

extension ImageKey: Comparable {
    package static func < (left: ImageKey, right: ImageKey) -> Bool { left.rawValue < right.rawValue }
}
