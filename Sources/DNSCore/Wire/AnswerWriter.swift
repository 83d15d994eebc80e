import NIOCore

/// Writes one answer into one buffer: header, the question as it came, records, and an OPT record if the client sent one.
///
/// A record that does not fit is removed again, so the message is always complete and never longer than its limit.
struct AnswerWriter {
    /// The name that a record belongs to.
    enum Owner {
        /// The name in the question, or the end of it from this byte on. Written as a pointer (RFC 1035 §4.1.4), so that upper and lower case stay as in the
        /// question.
        case question(suffixAt: Int)
        case name(DNSName)
    }

    enum Section {
        case answer, authority, additional
    }

    /// Length of our OPT record: root, type, class, TTL, and an option count of 0.
    static let optBytes = 11
    /// Length of a record without its owner and its data: type, class, TTL, count.
    private static let recordHeadBytes = 10
    /// The largest position that a pointer can contain.
    private static let maximumPointer = 0x3FFF
    /// Length of a usual answer: a question of 60 bytes, one address, EDNS.
    private static let usualBytes = 128

    private var buffer: ByteBuffer
    private let query: Query
    /// Where the message begins in the buffer; over TCP the length precedes it.
    private let start: Int
    /// How many bytes the message may have before the OPT record.
    private let limit: Int
    private(set) var answers: UInt16 = 0
    private(set) var authorities: UInt16 = 0
    private(set) var additionals: UInt16 = 0
    private(set) var isTruncated = false

    /// - Parameters:
    ///   - message: the client's message, from which `query` was read.
    ///   - limit: how many bytes the whole answer may have.
    ///   - leadingBytes: how many bytes to leave free before the message.
    ///   - buffer: is emptied, and the message is written into it. If nothing else refers to its memory, that is used again.
    init(to query: Query, in message: Span<UInt8>, limit: Int, leadingBytes: Int, buffer: consuming ByteBuffer) {
        self.query = query
        self.limit = limit - (query.edns == nil ? 0 : Self.optBytes)
        self.buffer = buffer
        self.buffer.clear(minimumCapacity: max(Self.usualBytes, leadingBytes + query.questionEnd + Self.optBytes))
        self.buffer.writeRepeatingByte(0, count: leadingBytes)
        self.start = self.buffer.writerIndex
        self.buffer.writeBytes(message.extracting(0..<query.questionEnd).bytes)
    }

    /// Appends a record; false if it did not fit. Then the answer is marked as truncated, unless the record was an additional one.
    @discardableResult
    mutating func write(_ data: RecordData, of owner: Owner, timeToLive: UInt32, in section: Section) -> Bool {
        let mark = self.buffer.writerIndex
        self.write(owner)
        self.buffer.writeMultipleIntegers(data.type.rawValue, Query.internetClass, timeToLive)
        data.write(to: &self.buffer)
        guard self.buffer.writerIndex - self.start <= self.limit else {
            self.buffer.moveWriterIndex(to: mark)
            if section != .additional { self.isTruncated = true }
            return false
        }
        switch section {
        case .answer: self.answers += 1
        case .authority: self.authorities += 1
        case .additional: self.additionals += 1
        }
        return true
    }

    private mutating func write(_ owner: Owner) {
        switch owner {
        case .question(let offset):
            self.buffer.writeInteger(UInt16(0xC000 | (Query.nameStart + offset) & Self.maximumPointer))
        case .name(let name):
            self.buffer.writeBytes(name.wire)
        }
    }

    /// Fills in the header and returns the message.
    consuming func finish(_ code: ResponseCode, isAuthoritative: Bool) -> ByteBuffer {
        if self.isTruncated { self.dropRecords() }
        if let edns = self.query.edns { self.writeOPT(edns, code) }
        var flags = self.query.flags.answering(code)
        if isAuthoritative { flags.insert(.authoritative) }
        if self.isTruncated { flags.insert(.truncated) }
        self.buffer.setInteger(flags.rawValue, at: self.start + 2)
        self.buffer.setInteger(UInt16(1), at: self.start + 4)
        self.buffer.setInteger(self.answers, at: self.start + 6)
        self.buffer.setInteger(self.authorities, at: self.start + 8)
        self.buffer.setInteger(self.additionals, at: self.start + 10)
        return self.buffer
    }

    /// Marks the answer as truncated. The client will ask over TCP whatever it contains, so all records are left out.
    mutating func truncate() { self.isTruncated = true }

    private mutating func dropRecords() {
        self.buffer.moveWriterIndex(to: self.start + self.query.questionEnd)
        self.answers = 0
        self.authorities = 0
        self.additionals = 0
    }

    private mutating func writeOPT(_ edns: Query.EDNS, _ code: ResponseCode) {
        self.buffer.writeOPT(edns, code)
        self.additionals += 1
    }
}

extension ByteBuffer {
    /// Writes only a header, with an OPT record for a client with EDNS: for a message of which nothing else should be repeated.
    mutating func becomeBareHeader(id: UInt16, flags: HeaderFlags, code: ResponseCode, edns: Query.EDNS?, leadingBytes: Int) {
        self.clear(minimumCapacity: leadingBytes + Query.headerBytes + AnswerWriter.optBytes)
        self.writeRepeatingByte(0, count: leadingBytes)
        self.writeMultipleIntegers(
            id, flags.answering(code).rawValue, UInt16(0), UInt16(0), UInt16(0), UInt16(edns == nil ? 0 : 1))
        if let edns { self.writeOPT(edns, code) }
    }

    fileprivate mutating func writeOPT(_ edns: Query.EDNS, _ code: ResponseCode) {
        let extended = UInt32(code.rawValue >> 4) << 24
        self.writeMultipleIntegers(
            UInt8(0), RecordType.opt.rawValue, UInt16(Transport.maximumUDPBytes), extended | (edns.wantsSignatures ? 0x8000 : 0), UInt16(0))
    }
}
