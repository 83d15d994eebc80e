/// A domain name as in a message, in lower case: a length, a label, a length, a label, …, 0 (RFC 1035 §3.1).
package struct DNSName: Hashable, Sendable {
    /// The longest name, with all lengths and the final 0 (RFC 1035 §2.3.4).
    package static let maximumBytes = 255
    /// The longest label (RFC 1035 §2.3.4).
    package static let maximumLabelBytes = 63
    /// The name without labels.
    package static let root = DNSName(checked: [0])

    package let wire: [UInt8]

    private init(checked wire: [UInt8]) {
        self.wire = wire
    }

    /// Nil if a label is empty or too long, or the name is too long.
    package init?(labels: some Sequence<some Collection<UInt8>>) {
        var wire: [UInt8] = []
        for label in labels {
            guard (1...Self.maximumLabelBytes).contains(label.count) else { return nil }
            wire.append(UInt8(label.count))
            wire += label.map(\.lowercasedASCII)
        }
        wire.append(0)
        guard wire.count <= Self.maximumBytes else { return nil }
        self.wire = wire
    }

    /// Parses the form that people write, with or without the final dot: `plane.test`. There are no escapes; a name with a dot inside of a label has to be
    /// made from labels.
    package init?(_ text: String) {
        let text = text.hasSuffix(".") ? text.dropLast() : text[...]
        guard !text.isEmpty else {
            self = .root
            return
        }
        self.init(labels: text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false))
    }

    /// An e-mail address in the form of a name (RFC 1035 §8): the part before the `@` becomes the first label, with its dots.
    package init?(mailbox: String) {
        let parts = mailbox.utf8.split(separator: UInt8(ascii: "@"), omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        self.init(labels: [parts[0]] + parts[1].split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false))
    }

    /// The name with one more label in front; nil if it would be too long.
    package func child(_ label: some Collection<UInt8>) -> DNSName? {
        guard (1...Self.maximumLabelBytes).contains(label.count), label.count + 1 + self.wire.count <= Self.maximumBytes else { return nil }
        return DNSName(checked: [UInt8(label.count)] + label.map(\.lowercasedASCII) + self.wire)
    }

    package func child(_ label: String) -> DNSName? { self.child(Array(label.utf8)) }

    /// The labels from first to last, without the root.
    package var labels: [ArraySlice<UInt8>] {
        var labels: [ArraySlice<UInt8>] = []
        var position = 0
        while self.wire[position] != 0 {
            let end = position + 1 + Int(self.wire[position])
            labels.append(self.wire[(position + 1)..<end])
            position = end
        }
        return labels
    }

    /// Whether the name is `zone` or is below it.
    package func isWithin(_ zone: DNSName) -> Bool {
        var position = 0
        while self.wire.count - position > zone.wire.count { position += 1 + Int(self.wire[position]) }
        return self.wire[position...].elementsEqual(zone.wire)
    }
}

extension DNSName: CustomStringConvertible {
    /// The name with the final dot. Characters that are not plain are escaped as in a zone file (RFC 1035 §5.1).
    package var description: String {
        guard self != .root else { return "." }
        return self.labels.map { label in label.map(Self.text).joined() + "." }.joined()
    }

    private static func text(_ byte: UInt8) -> String {
        switch byte {
        case UInt8(ascii: "."), UInt8(ascii: "\\"), UInt8(ascii: "\""): "\\\(Character(UnicodeScalar(byte)))"
        case 0x21...0x7E: String(UnicodeScalar(byte))
        default: "\\" + String(repeating: "0", count: 3 - String(byte).count) + String(byte)
        }
    }
}

extension UInt8 {
    /// Names are compared without regard to the case of ASCII letters (RFC 4343). The lengths between labels are at most 63, which is below all letters, so
    /// this can be applied to every byte of a name.
    @inline(__always)
    var lowercasedASCII: UInt8 {
        UInt8(ascii: "A") <= self && self <= UInt8(ascii: "Z") ? self | 0x20 : self
    }
}
