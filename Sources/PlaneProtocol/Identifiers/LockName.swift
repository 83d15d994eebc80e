/// The name of a lock: any text of at most 2048 bytes, unique within its cluster. It may be empty.
package struct LockName: JSONText, Hashable, Codable {
    /// The longest name, in bytes of UTF-8.
    package static let maximumBytes = 2048
    package static var expectation: String { "a lock of at most \(maximumBytes) bytes" }

    package let rawValue: String

    package init?(rawValue: String) {
        guard rawValue.utf8.count <= Self.maximumBytes else { return nil }
        self.rawValue = rawValue
    }

    package init(json: JSONNode) throws(MessageError) {
        let text = try json.string()
        guard let lock = Self(rawValue: text) else { throw MessageError(expected: Self.expectation, found: "\(text.utf8.count) bytes") }
        self = lock
    }

    /// The number that stands for the lock in subjects, in decimal: SipHash-1-3 with both keys zero over the UTF-8 bytes and one byte 0xFF. All members of a
    /// fleet must compute the same, or they ignore each other's lock messages.
    package var subjectHash: UInt64 {
        var hash = SipHash13()
        var text = self.rawValue
        text.withUTF8 { hash.update($0) }
        hash.update(0xFF)
        return hash.finalize()
    }

    /// Names are compared by their bytes: `é` in one code point is not `é` in two, because their hashes, and so their subjects, differ.
    package static func == (left: LockName, right: LockName) -> Bool {
        left.rawValue.utf8.elementsEqual(right.rawValue.utf8)
    }

    package func hash(into hasher: inout Hasher) {
        var text = self.rawValue
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}
