/// Finds the heads of the frames in what a client sends (RFC 9113 §4.1). libnghttp2 reads them itself, and tells of nearly all; of DATA on a stream that has
/// ended it says nothing.
struct FrameHeads {
    private static let length = 9
    /// The connection begins with other bytes (RFC 9113 §3.4).
    private static let prefaceLength = 24

    struct Head: Equatable {
        var type: UInt8
        /// Of the payload.
        var length: Int
        var stream: Int32
    }

    /// Bytes up to the next head.
    private var skipped = Self.prefaceLength
    /// The first bytes of a head whose others have not come yet: their number, and all but the last of a head as one number.
    private var begun = (count: 0, value: UInt64(0))

    /// - Parameter body: called for each head whose last byte is among these.
    @inline(__always)
    mutating func read(_ bytes: UnsafeRawBufferPointer, _ body: (Head) -> Void) {
        var offset = 0
        while true {
            let step = min(self.skipped, bytes.count - offset)
            self.skipped -= step
            offset += step
            guard offset < bytes.count else { return }
            let byte = bytes[offset]
            offset += 1
            if self.begun.count < Self.length - 1 {
                self.begun.value = self.begun.value << 8 | UInt64(byte)
                self.begun.count += 1
                continue
            }
            // Three bytes of length, type, flags, and the first three of the stream's number, whose first bit means nothing.
            let value = self.begun.value
            let head = Head(
                type: UInt8(truncatingIfNeeded: value >> 32), length: Int(value >> 40), stream: Int32((value & 0x7F_FFFF) << 8 | UInt64(byte)))
            self.begun = (0, 0)
            self.skipped = head.length
            body(head)
        }
    }
}
