/// The id of one attempt to take a lock. Any 64-bit number.
package struct LockUID: RawRepresentable, Hashable, Codable, JSONCodable, CustomStringConvertible {
    package static var expectation: String { "an integer from 0 to \(UInt64.max)" }

    package let rawValue: UInt64

    package init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// A new id below 2^53, so that programs which store numbers as doubles keep it exactly.
    package static func random(using generator: inout some RandomNumberGenerator) -> LockUID {
        LockUID(rawValue: UInt64.random(in: 0..<(1 << 53), using: &generator))
    }

    package init(json: JSONNode) throws(MessageError) { self.rawValue = try json.integer() }

    package func write(to json: inout JSONWriter) { json.literal(String(self.rawValue)) }

    package var description: String { String(self.rawValue) }
}
