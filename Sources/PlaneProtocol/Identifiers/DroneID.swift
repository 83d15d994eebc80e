/// The id of a drone. It is always one NATS subject token: printable ASCII without space, `.`, `*` and `>`.
package struct DroneID: JSONText, Hashable, Codable {
    /// The longest id in bytes: long enough for any host name.
    package static let maximumBytes = 253
    package static var expectation: String { "a drone id (one word without '.', '*' and '>')" }

    package let rawValue: String

    package init?(rawValue: String) {
        guard (1...Self.maximumBytes).contains(rawValue.utf8.count), rawValue.utf8.allSatisfy(Self.isAllowed) else { return nil }
        self.rawValue = rawValue
    }

    private init(generated: String) {
        self.rawValue = generated
    }

    /// A random UUID (RFC 9562 version 4) in lower case.
    package static func random(using generator: inout some RandomNumberGenerator) -> DroneID {
        DroneID(generated: RandomUUID.text(using: &generator))
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        (0x21...0x7E).contains(byte) && byte != UInt8(ascii: ".") && byte != UInt8(ascii: "*") && byte != UInt8(ascii: ">")
    }
}
