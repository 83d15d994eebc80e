/// Follows the frames of one direction of a WebSocket (RFC 6455 §5.2) without keeping any bytes, to find out where the proxy can insert a frame of its own.
struct WebSocketFrameScanner {
    private enum State {
        /// Between two frames.
        case opcode
        case shortLength
        /// Reading a longer length: how many of its bytes are still to come, and what they have said so far.
        case longLength(remaining: Int, value: UInt64, isMasked: Bool)
        /// This many bytes of the masking key and the payload are still to come.
        case content(UInt64)
    }

    private var state: State = .opcode

    var isBetweenFrames: Bool {
        if case .opcode = self.state { true } else { false }
    }

    /// Follows these bytes to their end.
    mutating func advance(_ bytes: Span<UInt8>) {
        _ = self.advance(bytes, toNextBoundary: false)
    }

    /// Follows the bytes to the end of the current frame; nil when they do not contain it.
    mutating func advanceToBoundary(_ bytes: Span<UInt8>) -> Int? {
        if self.isBetweenFrames { return 0 }
        return self.advance(bytes, toNextBoundary: true)
    }

    private mutating func advance(_ bytes: Span<UInt8>, toNextBoundary: Bool) -> Int? {
        var position = 0
        while position < bytes.count {
            let byte = bytes[position]
            switch self.state {
            case .opcode:
                self.state = .shortLength
                position += 1
            case .shortLength:
                self.readShortLength(byte)
                position += 1
            case .longLength(let remaining, let value, let isMasked):
                let value = value << 8 | UInt64(byte)
                self.state =
                    remaining > 1
                    ? .longLength(remaining: remaining - 1, value: value, isMasked: isMasked) : Self.content(value, isMasked: isMasked)
                position += 1
            case .content(let remaining):
                let taken = min(remaining, UInt64(bytes.count - position))
                position += Int(taken)
                self.state = remaining == taken ? .opcode : .content(remaining - taken)
            }
            if toNextBoundary, self.isBetweenFrames { return position }
        }
        return nil
    }

    private mutating func readShortLength(_ byte: UInt8) {
        let isMasked = byte & 0x80 != 0
        self.state =
            switch byte & 0x7F {
            case 126: .longLength(remaining: 2, value: 0, isMasked: isMasked)
            case 127: .longLength(remaining: 8, value: 0, isMasked: isMasked)
            case let length: Self.content(UInt64(length), isMasked: isMasked)
            }
    }

    private static func content(_ length: UInt64, isMasked: Bool) -> State {
        let (total, overflows) = length.addingReportingOverflow(isMasked ? 4 : 0)
        if total == 0 { return .opcode }
        return .content(overflows ? length : total)
    }
}

/// Frames that the proxy sends in a WebSocket.
enum WebSocketFrame {
    /// A final close frame, unmasked as a server sends it, with the code 1012, "service restart" (registered by IANA): clients may connect again at once.
    static let serviceRestart: [UInt8] = [0x88, 0x02, 0x03, 0xF4]
    /// A final close frame with the code 1008, "policy violation": the client may no longer use this backend (RFC 6455 §7.4.1).
    static let policyViolation: [UInt8] = [0x88, 0x02, 0x03, 0xF0]
}
