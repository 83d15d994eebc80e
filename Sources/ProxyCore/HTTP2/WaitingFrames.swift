import NIOCore
import NIOHTTP2

/// Counts the DATA frames of a connection that wait until their streams are read, and ends one on which there are too many.
///
/// A window bounds the bytes that wait on a stream, and frames of one byte are bytes, too, but each costs a hundred times as much memory: a
/// client that sends nothing else to a backend which takes nothing would make a stream's 64 KiB cost ten megabytes. Sees the bytes before
/// they are taken for frames, since frames that wait are seen by nobody.
final class WaitingFrames: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// With all windows full of frames of 400 bytes.
    private static let limit = 16 * 1024
    /// RFC 9113 §4.1.
    private static let headLength = 9

    private var counts: [HTTP2StreamID: Int] = [:]
    private var total = 0
    private var open: Set<HTTP2StreamID> = []
    private var latest = HTTP2StreamID.rootStream

    /// Bytes until the next frame begins; the preface comes before the first (RFC 9113 §3.4).
    private var skipped = 24
    // What has come of a frame's head.
    private var position = 0
    private var length = 0
    private var isData = false
    private var stream = 0

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = self.unwrapInboundIn(data)
        self.read(buffer.readableBytesUInt8Span)
        if self.total > Self.limit {
            self.forgetClosed()
            if self.total > Self.limit { return context.close(promise: nil) }
        }
        context.fireChannelRead(data)
    }

    private func read(_ bytes: Span<UInt8>) {
        var index = 0
        while index < bytes.count {
            if self.skipped > 0 {
                let count = min(self.skipped, bytes.count - index)
                self.skipped -= count
                index += count
            } else {
                self.take(bytes[index])
                index += 1
            }
        }
    }

    private func take(_ byte: UInt8) {
        switch self.position {
        case 0..<3: self.length = self.length << 8 | Int(byte)
        case 3: self.isData = byte == 0
        case 4: break
        default: self.stream = self.stream << 8 | Int(byte)
        }
        self.position += 1
        guard self.position == Self.headLength else { return }
        if self.isData { self.count(HTTP2StreamID(self.stream & 0x7FFF_FFFF)) }
        self.skipped = self.length
        (self.position, self.length, self.stream) = (0, 0, 0)
    }

    private func count(_ stream: HTTP2StreamID) {
        // What comes late for a stream that has ended waits nowhere.
        guard stream > self.latest || self.open.contains(stream) else { return }
        self.counts[stream, default: 0] += 1
        self.total += 1
    }

    /// Streams that were refused had no beginning, and so no end.
    private func forgetClosed() {
        self.counts = self.counts.filter { $0.key > self.latest || self.open.contains($0.key) }
        self.total = self.counts.values.reduce(0, +)
    }

    // MARK: From the streams

    func opened(_ stream: HTTP2StreamID) {
        self.open.insert(stream)
        self.latest = max(self.latest, stream)
    }

    func closed(_ stream: HTTP2StreamID) {
        self.open.remove(stream)
        if let count = self.counts.removeValue(forKey: stream) { self.total -= count }
    }

    /// One that waited was read.
    func delivered(on stream: HTTP2StreamID) {
        guard let count = self.counts[stream], count > 0 else { return }
        self.counts[stream] = count - 1
        self.total -= 1
    }
}
