import NIOCore

/// Writes one answer into one buffer: header, question as it came, records, and the OPT record if the client sent one.
///
/// A record that does not fit is taken back; the message is always whole and never above its limit.
struct AnswerWriter {
    /// Whom a record belongs to.
    enum Owner {
        /// The name that was asked for, or the part of it that begins so many bytes later: said with a pointer (RFC 1035 §4.1.4), so
        /// the case of the question is kept.
        case question(suffixAt: Int)
        case name(DNSName)
    }

    enum Section {
        case answer, authority, additional
    }

    /// Bytes of our OPT record: root, type, class, TTL, and the count of no options.
    static let optBytes = 11
    /// Bytes of a record beside its owner and its data: type, class, TTL, count.
    private static let recordHeadBytes = 10
    /// A pointer can lead no further than this.
    private static let maximumPointer = 0x3FFF
    /// The usual answer: a question of 60 bytes, one address, EDNS.
    private static let usualBytes = 128

    private var buffer: ByteBuffer
    private let query: Query
    /// Where the message begins in the buffer, which over TCP is behind its length.
    private let start: Int
    /// Bytes that the message may have, less those that OPT will need.
    private let limit: Int
    private(set) var answers: UInt16 = 0
    private(set) var authorities: UInt16 = 0
    private(set) var additionals: UInt16 = 0
    private(set) var isTruncated = false

    /// - Parameters:
    ///   - message: The client's message, from which `query` was read.
    ///   - limit: Bytes that the whole answer may have.
    ///   - leadingBytes: Bytes to leave free before the message.
    ///   - buffer: Is emptied, and takes the message. Where nobody else holds its memory, that is used again.
    init(to query: Query, in message: Span<UInt8>, limit: Int, leadingBytes: Int, buffer: consuming ByteBuffer) {
        self.query = query
        self.limit = limit - (query.edns == nil ? 0 : Self.optBytes)
        self.buffer = buffer
        self.buffer.clear(minimumCapacity: max(Self.usualBytes, leadingBytes + query.questionEnd + Self.optBytes))
        self.buffer.writeRepeatingByte(0, count: leadingBytes)
        self.start = self.buffer.writerIndex
        self.buffer.writeBytes(message.extracting(0..<query.questionEnd).bytes)
    }

    /// Appends a record; false if it did not fit, and then, except for an additional record, the answer says so.
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

    /// Fills in the header and gives the message away.
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

    /// A truncated answer is asked again over TCP whatever is in it, so it is kept as small as it can be.
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
    /// Becomes nothing but a header, with an OPT record for whoever speaks EDNS: for a message of which nothing else is worth repeating.
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
