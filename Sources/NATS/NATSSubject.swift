/// The rules for names on the wire. libnats writes what it is given, so a space or a line break in a subject would
/// become protocol: everything is checked before it gets there.
package enum NATSSubject {
    /// Longest subject we send; the server's own limit for a protocol line is 4096 bytes by default.
    static let maxBytes = 3072

    /// A subject to publish to: tokens of printable bytes divided by single dots. A server would pass a wildcard on as
    /// plain text, which nobody ever wants.
    static func isPublishable(_ subject: String) -> Bool {
        Self.isWellFormed(subject) && !subject.utf8.contains { $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: ">") }
    }

    /// A subject to subscribe to; wildcards are allowed.
    static func isSubscribable(_ subject: String) -> Bool { Self.isWellFormed(subject) }

    static func isQueueName(_ queue: String) -> Bool {
        !queue.isEmpty && queue.utf8.count <= Self.maxBytes && queue.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7f }
    }

    /// Whether a message can match both, either of which may have wildcards.
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
