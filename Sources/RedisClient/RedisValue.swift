/// A reply or an announcement of Redis (RESP2).
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
