/// What Redis answers, or announces (RESP2).
package enum RedisValue: Hashable, Sendable {
    /// `+OK`
    case text([UInt8])
    /// `-WRONGTYPE …`: this command failed, and nothing else.
    case error(String)
    case integer(Int64)
    case bulk([UInt8])
    case null
    case array([RedisValue])
    /// A reply of more bytes or elements than are kept. It was read to its end, so that those behind it are understood.
    case oversized

    /// The bytes of a string.
    package var bytes: [UInt8]? {
        switch self {
        case .text(let bytes), .bulk(let bytes): bytes
        case .error, .integer, .null, .array, .oversized: nil
        }
    }

    package var string: String? { self.bytes.map { String(decoding: $0, as: UTF8.self) } }

    package var elements: [RedisValue]? { if case .array(let elements) = self { elements } else { nil } }
}
