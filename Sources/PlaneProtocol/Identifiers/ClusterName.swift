/// Names a cluster; meant to be a DNS domain such as `plane.test`, under which its backends get their host names.
///
/// One or more labels separated by dots; a label holds letters, digits, `-`, `_` and `:` (development clusters are called
/// `localhost:8080`). At most 253 bytes (RFC 1035 §2.3.4), so it is always one NATS token once its dots are replaced.
package struct ClusterName: JSONText, Hashable, Codable {
    package static let maximumBytes = 253
    package static var expectation: String { "a cluster name such as plane.test" }

    package let rawValue: String

    package init?(rawValue: String) {
        guard rawValue.utf8.count <= Self.maximumBytes else { return nil }
        guard rawValue.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy(Self.isLabel) else { return nil }
        self.rawValue = rawValue
    }

    /// The name as one subject token: `plane.test` becomes `plane_test`. (`a.b` and `a_b` become the same.)
    package var subjectToken: String {
        String(decoding: self.rawValue.utf8.map { $0 == UInt8(ascii: ".") ? UInt8(ascii: "_") : $0 }, as: UTF8.self)
    }

    private static func isLabel(_ label: Substring.UTF8View) -> Bool {
        !label.isEmpty
            && label.allSatisfy {
                $0.isASCIILetter || $0.isASCIIDigit || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ":")
            }
    }
}
