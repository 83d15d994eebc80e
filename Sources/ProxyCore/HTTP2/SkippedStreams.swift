/// The stream numbers that a client has skipped. A new stream has a higher number than all before it, and opening it closes all lower ones that were not used
/// (RFC 9113 §5.1.1). To use one of those later is an error of the connection, which libnghttp2 does not notice, since it cannot tell such a stream from one
/// that has ended.
///
/// Real clients skip no numbers, so only the newest few are kept.
struct SkippedStreams {
    private static let limit = 16

    /// The highest number that the client has used; -1 before it has used one.
    private(set) var last: Int32 = -1
    private var ranges: [ClosedRange<Int32>] = []

    /// The client has sent a head on this stream.
    ///
    /// - Returns: False when the client had skipped this number.
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
