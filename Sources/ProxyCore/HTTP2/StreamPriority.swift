/// What a client says about the order of its responses in the field `priority` (RFC 9218 §4).
struct StreamPriority: Equatable {
    /// 0 is most urgent, 7 least.
    var urgency: UInt32 = 3
    /// Whether the response shares the connection with others of its urgency. Those that are not incremental are sent one after the other.
    var isIncremental = false

    /// Reads the value of the field, a dictionary of structured fields (RFC 8941 §3.2). Unknown members, values without a meaning, and parameters are ignored
    /// (RFC 9218 §4).
    init(_ bytes: Span<UInt8>, _ value: Range<Int>) {
        bytes.forEachListElement(in: value) { element in
            let end = bytes.firstIndex(of: UInt8(ascii: ";"), in: element) ?? element.upperBound
            let member = bytes.trimmingBlanks(element.lowerBound..<end)
            if member.count == 3, bytes.equals(member.prefix(2), lowercase: "u="), bytes[member.lowerBound + 2] &- 0x30 < 8 {
                self.urgency = UInt32(bytes[member.lowerBound + 2] &- 0x30)
            } else if bytes.equals(member, lowercase: "i") || bytes.equals(member, lowercase: "i=?1") {
                self.isIncremental = true
            } else if bytes.equals(member, lowercase: "i=?0") {
                self.isIncremental = false
            }
        }
    }

    init() {}
}
