/// Frames of HTTP/2 (RFC 9113 §4.1) as bytes, so that a test can say what no library would.
enum HTTP2Frames {
    enum Kind: UInt8 {
        case data = 0, headers = 1, priority = 2, resetStream = 3, settings = 4, pushPromise = 5, ping = 6, goAway = 7, windowUpdate = 8, continuation = 9
        case priorityUpdate = 16, unknown = 0xFA
    }

    struct Seen: Equatable {
        var kind: UInt8
        var flags: UInt8 = 0
        var stream: UInt32
        var payload: [UInt8]

        /// The sender has no more to say on the stream.
        var endsStream: Bool { [Kind.data.rawValue, Kind.headers.rawValue].contains(self.kind) && self.flags & HTTP2Frames.endStream != 0 }

        /// The last number in RST_STREAM, and the second in GOAWAY (RFC 9113 §6.4, §6.8).
        var errorCode: UInt8? {
            switch self.kind {
            case Kind.resetStream.rawValue: self.payload.count == 4 ? self.payload[3] : nil
            case Kind.goAway.rawValue: self.payload.count >= 8 ? self.payload[7] : nil
            default: nil
            }
        }

        /// In GOAWAY.
        var lastStream: UInt32? {
            guard self.kind == Kind.goAway.rawValue, self.payload.count >= 4 else { return nil }
            return self.payload[..<4].reduce(0) { $0 << 8 | UInt32($1) }
        }
    }

    /// The preface and empty settings.
    static let start = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + Self.frame(.settings, stream: 0)

    static let endStream: UInt8 = 1
    static let endHeaders: UInt8 = 4
    static let padded: UInt8 = 8

    static func frame(_ kind: Kind, flags: UInt8 = 0, stream: UInt32, _ payload: [UInt8] = []) -> [UInt8] {
        let length = payload.count
        return [UInt8(length >> 16 & 0xFF), UInt8(length >> 8 & 0xFF), UInt8(length & 0xFF), kind.rawValue, flags]
            + Self.number(stream) + payload
    }

    static func headers(_ fields: [(String, String)], stream: UInt32, flags: UInt8) -> [UInt8] {
        Self.frame(.headers, flags: flags, stream: stream, Self.block(fields))
    }

    /// A head that may take more than one frame, each as large as it may be.
    static func longHeaders(_ fields: [(String, String)], stream: UInt32, flags: UInt8) -> [UInt8] {
        let block = Self.block(fields)
        let parts = stride(from: 0, to: block.count, by: 16_384).map { Array(block[$0..<min($0 + 16_384, block.count)]) }
        return parts.indices.flatMap { index in
            let end = index == parts.count - 1 ? Self.endHeaders : 0
            return index == 0
                ? Self.frame(.headers, flags: flags | end, stream: stream, parts[index]) : Self.frame(.continuation, flags: end, stream: stream, parts[index])
        }
    }

    /// Literal fields without indexing (RFC 7541 §6.2.2), without Huffman codes.
    static func block(_ fields: [(String, String)]) -> [UInt8] {
        fields.flatMap { [0] + Self.string($0.0) + Self.string($0.1) }
    }

    private static func string(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        guard bytes.count >= 127 else { return [UInt8(bytes.count)] + bytes }
        var (length, rest): ([UInt8], Int) = ([127], bytes.count - 127)
        while rest >= 128 {
            length.append(UInt8(rest & 127) | 128)
            rest >>= 7
        }
        return length + [UInt8(rest)] + bytes
    }

    static func number(_ value: UInt32) -> [UInt8] {
        [UInt8(value >> 24), UInt8(value >> 16 & 0xFF), UInt8(value >> 8 & 0xFF), UInt8(value & 0xFF)]
    }

    /// The whole frames in what has come.
    static func read(_ bytes: [UInt8]) -> [Seen] {
        var frames: [Seen] = []
        var position = 0
        while position + 9 <= bytes.count {
            let length = Int(bytes[position]) << 16 | Int(bytes[position + 1]) << 8 | Int(bytes[position + 2])
            guard position + 9 + length <= bytes.count else { break }
            let stream = bytes[(position + 5)..<(position + 9)].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } & 0x7FFF_FFFF
            frames.append(
                Seen(
                    kind: bytes[position + 3], flags: bytes[position + 4], stream: stream,
                    payload: Array(bytes[(position + 9)..<(position + 9 + length)])))
            position += 9 + length
        }
        return frames
    }
}
