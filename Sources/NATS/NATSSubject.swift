/// The rules for subjects. libnats writes any text it is given, and a space or line break in a subject would be read as protocol, so every subject is checked
/// first.
package enum NATSSubject {
    /// Longest subject we send; the server's own limit for a protocol line is 4096 bytes by default.
    static let maxBytes = 3072

    /// Whether a subject can be published to: tokens of printable bytes between single dots. Wildcards are refused, because a server would treat them as
    /// plain text.
    static func isPublishable(_ subject: String) -> Bool {
        Self.isWellFormed(subject) && !subject.utf8.contains { $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: ">") }
    }

    /// A subject to subscribe to; wildcards are allowed.
    static func isSubscribable(_ subject: String) -> Bool { Self.isWellFormed(subject) }

    static func isQueueName(_ queue: String) -> Bool {
        !queue.isEmpty && queue.utf8.count <= Self.maxBytes && queue.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7f }
    }

    /// Whether one message can match both, each of which may have wildcards.
    package static func overlap(_ left: String, _ right: String) -> Bool {
        var left = left.split(separator: ".", omittingEmptySubsequences: false)[...]
        var right = right.split(separator: ".", omittingEmptySubsequences: false)[...]
        while let a = left.popFirst(), let b = right.popFirst() {
            if a == ">" || b == ">" { return true }
            guard a == b || a == "*" || b == "*" else { return false }
            if left.isEmpty != right.isEmpty { return false }
        }
        return true
    }

    private static func isWellFormed(_ subject: String) -> Bool {
        let bytes = subject.utf8
        guard !bytes.isEmpty, bytes.count <= Self.maxBytes else { return false }
        var previous = UInt8(ascii: ".")
        for byte in bytes {
            if byte <= 0x20 || byte == 0x7f { return false }
            if byte == UInt8(ascii: "."), previous == UInt8(ascii: ".") { return false }
            previous = byte
        }
        return previous != UInt8(ascii: ".")
    }
}
