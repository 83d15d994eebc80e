/// The numbers of streams that a client has passed over. A stream begins with a larger number than all before it, which closes those that were passed
/// over (RFC 9113 §5.1.1): to begin one of them is an error of the connection, which libnghttp2 lets pass, since it cannot tell such a stream from
/// one that has ended.
///
/// Clients pass over no number, so few are kept: of one that does so again and again, the newest.
struct SkippedStreams {
    private static let limit = 16

    private var last: Int32 = -1
    private var ranges: [ClosedRange<Int32>] = []

    /// The client sends a head on this stream.
    ///
    /// - Returns: False when it is one of those.
    @inline(__always)
    mutating func begins(_ stream: Int32) -> Bool {
        if stream == self.last &+ 2 {
            self.last = stream
            return true
        }
        return self.beginsOther(stream)
    }

    private mutating func beginsOther(_ stream: Int32) -> Bool {
        guard stream % 2 == 1 else { return true }  // another error
        if stream <= self.last { return !self.ranges.contains { $0.contains(stream) } }
        if self.ranges.count == Self.limit { self.ranges.removeFirst() }
        self.ranges.append((self.last + 2)...(stream - 2))
        self.last = stream
        return true
    }
}
