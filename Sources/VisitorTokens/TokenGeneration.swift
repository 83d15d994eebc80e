package import PlaneProtocol

/// A point in the stream of tokens, by which tokens and revocations are told to be before or behind one another. A stream that was made anew stands
/// behind all of the one before it.
package struct TokenGeneration: Hashable, Comparable, Sendable {
    /// When the stream was made, in milliseconds since 1970.
    package var stream: UInt64
    /// How often whoever reads it has found it to be an older copy of itself; 0 in a token.
    package var copy: UInt64
    package var sequence: UInt64

    package init(stream: UInt64, copy: UInt64 = 0, sequence: UInt64) {
        self.stream = stream
        self.copy = copy
        self.sequence = sequence
    }

    package static func < (left: TokenGeneration, right: TokenGeneration) -> Bool {
        (left.stream, left.copy, left.sequence) < (right.stream, right.copy, right.sequence)
    }
}

/// `[stream, sequence]`.
extension TokenGeneration: JSONCodable {
    package static var expectation: String { "an array of two integers" }

    package init(json: JSONNode) throws(MessageError) {
        let numbers = try [UInt64](json: json)
        guard numbers.count == 2 else { throw MessageError(expected: Self.expectation, found: "an array of \(numbers.count)") }
        self.init(stream: numbers[0], sequence: numbers[1])
    }

    package func write(to json: inout JSONWriter) { json.array([self.stream, self.sequence]) }
}
