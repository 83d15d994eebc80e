/// The id of a backend. An id is never used twice.
///
/// It is always one NATS subject token, one DNS label (RFC 1035 §2.3.1 with RFC 1123 §2.1) and a valid part of a container name: lower-case letters, digits
/// and inner hyphens, at most 63 bytes. Upper case is refused because host names are compared without case.
package struct BackendID: JSONText, Hashable, Codable {
    package static let maximumBytes = 63
    package static var expectation: String { "a backend id (at most 63 of a-z, 0-9 and inner hyphens)" }

    package let rawValue: String

    package init?(rawValue: String) {
        let bytes = rawValue.utf8
        guard
            (1...Self.maximumBytes).contains(bytes.count), bytes.first != UInt8(ascii: "-"), bytes.last != UInt8(ascii: "-"),
            bytes.allSatisfy({ $0.isLowercaseASCIILetter || $0.isASCIIDigit || $0 == UInt8(ascii: "-") })
        else { return nil }
        self.rawValue = rawValue
    }

    private init(generated: String) {
        self.rawValue = generated
    }

    /// A random UUID (RFC 9562 version 4) in lower case.
    package static func random(using generator: inout some RandomNumberGenerator) -> BackendID {
        BackendID(generated: RandomUUID.text(using: &generator))
    }

    /// The host name at which the backend is reached, without a port.
    package func hostName(in cluster: ClusterName) -> String {
        "\(self.rawValue).\(cluster.domain)"
    }
}
