/// The id of a program that an operator runs in a backend's container, or of a copy. The requester chooses it, so that a repeated request is harmless.
package struct ExecID: JSONText, Hashable {
    package static var expectation: String { "a name of 16 to 64 letters, digits and hyphens" }

    package let rawValue: String

    package init?(rawValue: String) {
        guard (16...64).contains(rawValue.utf8.count),
            rawValue.utf8.allSatisfy({ $0.isASCIIDigit || $0 == UInt8(ascii: "-") || (0x61...0x7A).contains($0 | 0x20) })
        else { return nil }
        self.rawValue = rawValue
    }

    private init(generated: String) { self.rawValue = generated }

    /// A random UUID (RFC 9562 version 4) in lower case.
    package static func random(using generator: inout some RandomNumberGenerator) -> ExecID { ExecID(generated: RandomUUID.text(using: &generator)) }
}
