import Foundation
import Testing

@testable import PlaneProtocol

/// A payload as it travels, kept under `Golden`; white space outside of strings is for the reader and is not sent.
struct GoldenFile {
    let name: String
    let payload: [UInt8]

    init(_ name: String) throws {
        let url = try #require(Bundle.module.url(forResource: name, withExtension: "json", subdirectory: "Golden"))
        self.name = name
        self.payload = Self.withoutSpace(Array(try Data(contentsOf: url)))
    }

    /// Independent of the code under test on purpose.
    static func withoutSpace(_ bytes: [UInt8]) -> [UInt8] {
        var isInString = false
        var isEscaped = false
        return bytes.filter { byte in
            if isInString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                }
                return true
            }
            isInString = byte == UInt8(ascii: "\"")
            return ![0x20, 0x0A, 0x0D, 0x09].contains(byte)
        }
    }
}

/// The file holds exactly what we write for the value, and reading it gives the value back.
func expectGolden<Value: JSONCodable & Equatable>(
    _ name: String, is value: Value, sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let file = try GoldenFile(name)
    #expect(String(decoding: WireCodec.encode(value), as: UTF8.self) == String(decoding: file.payload, as: UTF8.self), sourceLocation: sourceLocation)
    try expectReadable(name, as: value, sourceLocation: sourceLocation)
}

/// Somebody may send what the file holds, and it means the value; we would write it differently.
func expectReadable<Value: JSONDecodable & Equatable>(
    _ name: String, as value: Value, sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let file = try GoldenFile(name)
    #expect(try WireCodec.decode(Value.self, from: file.payload) == value, sourceLocation: sourceLocation)
}
