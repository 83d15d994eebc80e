import NIOCore

/// Tells pings and pongs from everything else in both directions of one WebSocket, and answers pings where it is asked to (RFC 6455 §5.5.2 and §5.5.3).
///
/// A visitor's ping is kept until it is complete, which takes at most 131 bytes, and then either answered or sent on. Of those that were sent on, the last one
/// that the backend has not answered is remembered, since the backend may have been frozen before it could.
final class TunnelTraffic {
    /// What a visitor has sent.
    struct Sorted {
        /// What is sent on to the backend.
        var forwarded = ByteBuffer()
        /// The answer to the last ping, as a whole frame; empty if there was none, or it was sent on.
        var pong = ByteBuffer()
        /// Whether there was anything but pings and pongs.
        var hasTraffic = false
    }

    private var visitor = KeepAliveScanner()
    private var backend = KeepAliveScanner()
    /// The bytes so far of a ping. Both of these keep their memory for the next one.
    private var ping = MaskedPing()
    /// The last ping that was sent on, until the backend answers one; empty for none.
    private var owed = MaskedPing()

    var isBetweenBackendFrames: Bool { self.backend.isBetweenFrames }

    /// - Returns: Whether there was anything but pings and pongs.
    func backendSent(_ bytes: Span<UInt8>) -> Bool {
        let hasTraffic = self.backend.advance(bytes)
        if self.backend.takePong() { self.owed.removeAll() }
        return hasTraffic
    }

    /// The answer that the backend, which is frozen now, has not given; nil if there is none.
    func takeOwedPong() -> ByteBuffer? {
        if self.owed.isEmpty { return nil }
        var pong = ByteBuffer()
        self.owed.writePong(into: &pong)
        self.owed.removeAll()
        return pong
    }

    /// - Parameter answersPings: Whether pings that are complete with these bytes are answered, and not sent on.
    func visitorSent(_ buffer: ByteBuffer, answersPings: Bool) -> Sorted {
        let bytes = buffer.readableBytesUInt8Span
        var sorted = Sorted()
        /// What is before `done` has been dealt with, and what is between `done` and `position` is sent on.
        var (done, position) = (0, 0)
        /// Where the ping begins that is being read; nil for one that began in an earlier read.
        var start: Int?
        while position < bytes.count {
            if self.ping.isEmpty {
                guard self.visitor.isBetweenFrames, bytes[position] == MaskedPing.firstByte else {
                    let (length, isTraffic) = self.visitor.advanceOneFrame(bytes.extracting(position..<bytes.count))
                    if isTraffic { sorted.hasTraffic = true }
                    position += length
                    continue
                }
                start = position
            }
            let progress = self.ping.take(bytes, &position)
            switch progress {
            case .needsMore: continue
            case .complete where answersPings:
                if let start { sorted.forwarded.add(buffer, done..<start) }
                done = position
                self.ping.writePong(into: &sorted.pong)
            case .complete, .invalid:
                // What is wrong with an invalid one is for the backend to say.
                do {
                    let ping = self.ping.bytes
                    if self.visitor.advance(ping.span) { sorted.hasTraffic = true }
                }
                if start == nil {
                    sorted.forwarded.writeBytes(self.ping.bytes)
                    done = position
                }
                if progress == .complete { swap(&self.ping, &self.owed) }
            }
            self.ping.removeAll()
            start = nil
        }
        if !self.ping.isEmpty {
            if let start { sorted.forwarded.add(buffer, done..<start) }
            done = position
        }
        if done == 0 { sorted.forwarded = buffer } else { sorted.forwarded.add(buffer, done..<position) }
        return sorted
    }
}

extension ByteBuffer {
    /// Copies these bytes of the other's readable ones.
    fileprivate mutating func add(_ other: ByteBuffer, _ range: Range<Int>) {
        guard !range.isEmpty, let part = other.getSlice(at: other.readerIndex + range.lowerBound, length: range.count) else { return }
        self.writeImmutableBuffer(part)
    }
}

/// Tells pings and pongs from everything else in one direction of a WebSocket, by the opcode of each frame (RFC 6455 §5.2).
struct KeepAliveScanner {
    private static let ping: UInt8 = 0x9
    private static let pong: UInt8 = 0xA

    private var frames = WebSocketFrameScanner()
    /// Whether the current frame, or the last one, is a ping or a pong.
    private var isKeepAlive = false
    private var sawPong = false

    var isBetweenFrames: Bool { self.frames.isBetweenFrames }

    /// Whether a pong has begun since the last call.
    mutating func takePong() -> Bool {
        defer { self.sawPong = false }
        return self.sawPong
    }

    /// Follows these bytes to their end.
    ///
    /// - Returns: Whether there was anything but pings and pongs.
    mutating func advance(_ bytes: Span<UInt8>) -> Bool {
        var (position, hasTraffic) = (0, false)
        while position < bytes.count {
            let (length, isTraffic) = self.advanceOneFrame(bytes.extracting(position..<bytes.count))
            position += length
            if isTraffic { hasTraffic = true }
        }
        return hasTraffic
    }

    /// Follows the bytes to the end of the current frame or, between two frames, of the next one; at most to their end.
    ///
    /// - Parameter bytes: At least one.
    mutating func advanceOneFrame(_ bytes: Span<UInt8>) -> (length: Int, isTraffic: Bool) {
        var position = 0
        if self.frames.isBetweenFrames {
            let opcode = bytes[0] & 0x0F
            self.isKeepAlive = opcode == Self.ping || opcode == Self.pong
            if opcode == Self.pong { self.sawPong = true }
            self.frames.advance(bytes.extracting(0..<1))
            position = 1
        }
        let length = self.frames.advanceToBoundary(bytes.extracting(position..<bytes.count)).map { position + $0 } ?? bytes.count
        return (length, !self.isKeepAlive)
    }
}

/// A ping as clients send it: final, and masked (RFC 6455 §5.3).
struct MaskedPing {
    enum Progress: Equatable {
        case needsMore
        case complete
        /// It has no mask, or more payload than a control frame may have.
        case invalid
    }

    static let firstByte: UInt8 = 0x89
    private static let pongFirstByte: UInt8 = 0x8A
    private static let payloadLimit = 125

    private(set) var bytes: [UInt8] = []

    /// First byte, length, and masking key.
    private static let headLength = 6

    var isEmpty: Bool { self.bytes.isEmpty }

    mutating func removeAll() { self.bytes.removeAll(keepingCapacity: true) }

    /// Takes as many bytes as belong to it.
    mutating func take(_ bytes: Span<UInt8>, _ position: inout Int) -> Progress {
        while position < bytes.count {
            guard self.bytes.count >= 2 else {
                self.bytes.append(bytes[position])
                position += 1
                guard self.bytes.count < 2 || self.hasValidLength else { return .invalid }
                continue
            }
            let count = min(Self.headLength + self.payloadLength - self.bytes.count, bytes.count - position)
            bytes.extracting(position..<(position + count)).withUnsafeBufferPointer { self.bytes.append(contentsOf: $0) }
            position += count
            if self.bytes.count == Self.headLength + self.payloadLength { return .complete }
        }
        return .needsMore
    }

    private var hasValidLength: Bool { self.bytes[1] & 0x80 != 0 && self.payloadLength <= Self.payloadLimit }

    private var payloadLength: Int { Int(self.bytes[1] & 0x7F) }

    /// Writes the answer, with the same payload and without a mask, as servers send it, in place of what is in the buffer. Only of a complete ping.
    func writePong(into out: inout ByteBuffer) {
        out.clear(minimumCapacity: 2 + self.payloadLength)
        out.writeMultipleIntegers(Self.pongFirstByte, UInt8(self.payloadLength))
        for index in 0..<self.payloadLength { out.writeInteger(self.bytes[Self.headLength + index] ^ self.bytes[2 + index % 4]) }
    }
}
