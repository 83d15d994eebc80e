/// Writes JSON without white space. Objects and arrays are written by closures, so each is closed.
package struct JSONWriter: Sendable {
    package private(set) var bytes: [UInt8] = []

    package init() {
        self.bytes.reserveCapacity(256)
    }

    package mutating func object(_ members: (inout Object) -> Void) {
        self.bytes.append(UInt8(ascii: "{"))
        var object = Object(writer: self)
        self.bytes = []  // the object writer holds the only copy meanwhile
        members(&object)
        self = object.writer
        self.bytes.append(UInt8(ascii: "}"))
    }

    package mutating func array(_ elements: [some JSONEncodable]) {
        self.bytes.append(UInt8(ascii: "["))
        for (index, element) in elements.enumerated() {
            if index > 0 { self.bytes.append(UInt8(ascii: ",")) }
            element.write(to: &self)
        }
        self.bytes.append(UInt8(ascii: "]"))
    }

    /// Writes text that is JSON already: a number, `true`, `false`, `null`.
    package mutating func literal(_ text: String) {
        self.bytes.append(contentsOf: text.utf8)
    }

    package mutating func string(_ text: String) {
        self.bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): self.bytes.append(contentsOf: "\\\"".utf8)
            case UInt8(ascii: "\\"): self.bytes.append(contentsOf: "\\\\".utf8)
            case 0x08: self.bytes.append(contentsOf: "\\b".utf8)
            case 0x0C: self.bytes.append(contentsOf: "\\f".utf8)
            case 0x0A: self.bytes.append(contentsOf: "\\n".utf8)
            case 0x0D: self.bytes.append(contentsOf: "\\r".utf8)
            case 0x09: self.bytes.append(contentsOf: "\\t".utf8)
            case 0x00..<0x20: self.literal((byte < 0x10 ? "\\u000" : "\\u00") + String(byte, radix: 16))
            default: self.bytes.append(byte)
            }
        }
        self.bytes.append(UInt8(ascii: "\""))
    }

    /// Writes the members of one object.
    package struct Object {
        fileprivate var writer: JSONWriter
        private var isEmpty = true

        fileprivate init(writer: JSONWriter) {
            self.writer = writer
        }

        /// Writes a member; an optional without a value is written as `null`.
        package mutating func field(_ key: String, _ value: some JSONEncodable) {
            self.startField(key)
            value.write(to: &self.writer)
        }

        /// Writes a member that is an object. Also used for a variant with data: `{"Scheduled":{…}}`.
        package mutating func object(_ key: String, _ members: (inout Object) -> Void) {
            self.startField(key)
            self.writer.object(members)
        }

        /// Writes a member, or nothing if there is no value.
        package mutating func fieldIfPresent(_ key: String, _ value: (some JSONEncodable)?) {
            if let value { self.field(key, value) }
        }

        private mutating func startField(_ key: String) {
            if !self.isEmpty { self.writer.bytes.append(UInt8(ascii: ",")) }
            self.isEmpty = false
            self.writer.string(key)
            self.writer.bytes.append(UInt8(ascii: ":"))
        }
    }
}
