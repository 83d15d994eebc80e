import NIOCore
import NIOPosix

#if canImport(Glibc)
import Glibc
#endif

/// The short way from a handler to the kernel, for what is written to a socket with no other handler before it.
///
/// A channel takes a write through its pipeline into a queue, and a flush out of it again, which costs as much as all we do to a small
/// response. Here a buffer that is alone between two flushes, with nothing before it waiting in the channel, is sent at the flush with one
/// system call. All else goes the channel's way, which keeps the order, counts what waits and tells of failures: a second buffer, a large
/// one, what the kernel does not take at once, what belongs to a connection that is no longer active.
///
/// It decides and sends, and never calls the channel: that may call back, while this value is being changed.
struct DirectOutput {
    private enum Mode {
        /// Nothing was written yet. The first write goes the channel's way: asking for the socket does not pay for a single response.
        case untried
        /// The channel may have something waiting.
        case channel
        case direct(socket: CInt)
        /// There is no socket, or there are handlers in between.
        case never
    }

    /// Larger buffers are counted by the channel from the moment they are written, so that whoever asks then whether it takes more hears
    /// the truth. Well below the high mark of its queue.
    private static let sizeLimit = 16 * 1024

    private var mode: Mode
    private var kept: ByteBuffer?

    init(isPossible: Bool = true) {
        self.mode = isPossible ? .untried : .never
    }

    /// What became of a flush.
    enum Flushed {
        /// The kernel has it.
        case sent
        /// To be written to the channel, and flushed there.
        case rest(ByteBuffer)
        /// Everything is in the channel, to be flushed there.
        case nothingKept
    }

    /// Whether the buffer was kept for the flush. If not, ``takeKept()`` goes to the channel, and then this buffer.
    @inline(__always)
    mutating func keep(_ buffer: ByteBuffer, context: ChannelHandlerContext) -> Bool {
        if case .direct = self.mode {
            guard self.kept == nil, buffer.readableBytes <= Self.sizeLimit else {
                self.mode = .channel
                return false
            }
        } else {
            guard buffer.readableBytes <= Self.sizeLimit, self.becomesDirect(context) else { return false }
        }
        self.kept = buffer
        return true
    }

    private mutating func becomesDirect(_ context: ChannelHandlerContext) -> Bool {
        switch self.mode {
        case .never, .direct: return false
        case .untried:
            self.mode = .channel
            return false
        case .channel:
            let channel = context.channel
            // What fails here is a channel that is closed, or none with a socket: what is written to it goes its own way.
            guard (try? channel.syncOptions?.getOption(.bufferedWritableBytes)) == 0 else { return false }
            let socket = try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { $0 }
            self.mode = socket.map { .direct(socket: $0) } ?? .never
            return socket != nil
        }
    }

    /// What was kept and now goes the channel's way.
    mutating func takeKept() -> ByteBuffer? {
        defer { self.kept = nil }
        return self.kept
    }

    /// - Parameter isActive: Whether the channel still is: a socket that it has closed may be somebody else's by now.
    @inline(__always)
    mutating func flush(isActive: @autoclosure () -> Bool) -> Flushed {
        guard var buffer = self.kept, case .direct(let socket) = self.mode else { return .nothingKept }
        self.kept = nil
        if isActive() {
            let count = buffer.withUnsafeReadableBytes { send(socket, $0.baseAddress, $0.count, CInt(MSG_DONTWAIT | MSG_NOSIGNAL)) }
            if count == buffer.readableBytes { return .sent }
            // What failed fails again in the channel, which knows what to do then.
            if count > 0 { buffer.moveReaderIndex(forwardBy: count) }
        }
        self.mode = .channel
        return .rest(buffer)
    }
}
