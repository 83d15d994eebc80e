/// What an application of Plane 0.5 calls a backend that several visitors share: a name, unique within its namespace over all clusters. Ours.
///
/// On the bus a key is a lock (`lock`). The tag is not part of it: requests with another tag meet the same holder, and are told its tag.
package struct BackendKey: Hashable, Sendable {
    package let namespace: String
    package let name: String
    /// Which version of the application made the holder; the empty text where nobody says.
    package let tag: String
    /// Held by the backend that has the key.
    package let lock: LockName

    /// Of a tag, in bytes of UTF-8, because assignments and answers carry it.
    package static let maximumTagBytes = 1024

    /// - Returns: nil if the lock's name would be longer than `LockName.maximumBytes`, the tag is too long, or one of the texts holds a NUL.
    package init?(namespace: String = "", name: String, tag: String = "") {
        // The length keeps ("a:b", "c") apart from ("a", "b:c").
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
