/// The name that an application of Plane 0.5 gives a backend which several visitors share. It is unique within its namespace over all clusters. An addition
/// to 0.3.24.
///
/// On the bus a key is a lock (`lock`). The tag is not part of that: requests with another tag get the same holder, and are told its tag.
package struct BackendKey: Hashable, Sendable {
    package let namespace: String
    package let name: String
    /// The version of the application that the holder was made for; empty if none was given.
    package let tag: String
    /// The lock of the key, which the key's backend holds.
    package let lock: LockName

    /// The longest tag, in bytes of UTF-8, because assignments and answers contain it.
    package static let maximumTagBytes = 1024

    /// - Returns: nil if the lock's name would be longer than `LockName.maximumBytes`, the tag is too long, or one of the texts contains a NUL.
    package init?(namespace: String = "", name: String, tag: String = "") {
        // With the length, ("a:b", "c") and ("a", "b:c") have different locks.
        guard let lock = LockName(rawValue: "k1:\(namespace.utf8.count):\(namespace):\(name)") else { return nil }
        guard tag.utf8.count <= Self.maximumTagBytes, ![namespace, name, tag].contains(where: { $0.utf8.contains(0) }) else { return nil }
        self.namespace = namespace
        self.name = name
        self.tag = tag
        self.lock = lock
    }

    /// Compared by bytes, as locks are.
    package static func == (left: BackendKey, right: BackendKey) -> Bool {
        left.lock == right.lock && left.tag.utf8.elementsEqual(right.tag.utf8)
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(self.lock) }
}

extension BackendKey: JSONCodable {
    package init(json: JSONNode) throws(MessageError) {
        let (namespace, name, tag): (String?, String, String?) = (
            try json.optional("namespace"), try json.required("name"), try json.optional("tag")
        )
        guard let key = BackendKey(namespace: namespace ?? "", name: name, tag: tag ?? "") else {
            throw MessageError(
                expected: "texts without NUL: namespace and name of some \(LockName.maximumBytes) bytes together, a tag of at most \(Self.maximumTagBytes)",
                found: "other ones")
        }
        self = key
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.fieldIfPresent("namespace", self.namespace.isEmpty ? nil : self.namespace)
            $0.field("name", self.name)
            $0.fieldIfPresent("tag", self.tag.isEmpty ? nil : self.tag)
        }
    }
}
