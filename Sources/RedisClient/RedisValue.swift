/// A reply or an announcement of Redis.
package enum RedisValue: Hashable, Sendable {
    /// A status, such as `+OK`.
    case text([UInt8])
    /// An error of this command only, such as `-WRONGTYPE …`.
    case error(String)
    case integer(Int64)
    case bulk([UInt8])
    case null
    case array([RedisValue])
    /// A reply with more bytes or elements than are kept. It was read to its end, so that those behind it are understood.
    case oversized
    /// A message that answers no command (RESP3); the first element says of what kind it is. Empty if it was larger than is kept.
    case push([RedisValue])

    /// The bytes of a string.
    package var bytes: [UInt8]? {
        switch self {
        case .text(let bytes), .bulk(let bytes): bytes
        case .error, .integer, .null, .array, .oversized, .push: nil
        }
    }

    package var string: String? { self.bytes.map { String(decoding: $0, as: UTF8.self) } }

    package var elements: [RedisValue]? { if case .array(let elements) = self { elements } else { nil } }
}
