/// What a client says about the order of its responses in the field `priority` (RFC 9218 §4).
struct StreamPriority: Equatable {
    /// 0 is most urgent, 7 least.
    var urgency: UInt32 = 3
    /// Shares the connection with others of its urgency; a response that is not incremental is sent before the next one begins.
    var isIncremental = false

    /// The value of the field, a dictionary of structured fields (RFC 8941 §3.2). Members that nobody knows, and values that have no meaning, are
    /// ignored (RFC 9218 §4), as are parameters.
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
