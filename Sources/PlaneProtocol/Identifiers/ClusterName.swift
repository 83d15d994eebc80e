/// The name of a cluster. It should be a DNS domain such as `plane.test`, below which its backends have their host names.
///
/// It consists of labels separated by dots; a label contains letters, digits, `-`, `_` and `:` (development clusters are called `localhost:8080`). It has at
/// most 253 bytes (RFC 1035 §2.3.4), so it is one NATS token once its dots are replaced.
package struct ClusterName: JSONText, Hashable, Codable {
    package static let maximumBytes = 253
    package static var expectation: String { "a cluster name such as plane.test" }

    package let rawValue: String

    package init?(rawValue: String) {
        guard rawValue.utf8.count <= Self.maximumBytes else { return nil }
        var last = UInt8(ascii: ".")
        for byte in rawValue.utf8 {
            guard byte == UInt8(ascii: ".") ? last != byte : Self.isAllowed(byte) else { return nil }
            last = byte
        }
        guard last != UInt8(ascii: ".") else { return nil }
        self.rawValue = rawValue
    }

    /// The name as one subject token: `plane.test` becomes `plane_test`. (`a.b` and `a_b` have the same token.)
    package var subjectToken: String {
        String(decoding: self.rawValue.utf8.map { $0 == UInt8(ascii: ".") ? UInt8(ascii: "_") : $0 }, as: UTF8.self)
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        byte.isASCIILetter || byte.isASCIIDigit || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ":")
    }
}
