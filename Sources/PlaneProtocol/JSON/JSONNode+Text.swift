extension JSONNode {
    /// A string of at most so many bytes of UTF-8, for text that this process keeps or passes on.
    func required(_ key: StaticString, atMost maximumBytes: Int) throws(MessageError) -> String {
        try Self.bounded(try self.required(key), key, maximumBytes)
    }

    func optional(_ key: StaticString, atMost maximumBytes: Int) throws(MessageError) -> String? {
        guard let text: String = try self.optional(key) else { return nil }
        return try Self.bounded(text, key, maximumBytes)
    }

    private static func bounded(_ text: String, _ key: StaticString, _ maximumBytes: Int) throws(MessageError) -> String {
        guard text.utf8.count <= maximumBytes else {
            throw MessageError(path: [.key("\(key)")], expected: "at most \(maximumBytes) bytes", found: "\(text.utf8.count)")
        }
        return text
    }
}

extension String {
    /// The beginning that fits into so many bytes of UTF-8. No Unicode scalar is cut in two.
    func prefix(bytes limit: Int) -> String {
        guard self.utf8.count > limit else { return self }
        var (kept, bytes) = (UnicodeScalarView(), 0)
        for scalar in self.unicodeScalars {
            bytes += UTF8.width(scalar)
            guard bytes <= limit else { break }
            kept.append(scalar)
        }
        return String(kept)
    }
}
