/// The result of reading a message from a client: a query, a refusal, or nothing to answer.
package enum QueryReading: Hashable, Sendable {
    case query(Query)
    /// The message is answered with a bare header, and with an OPT record if it has one (RFC 6891 §6.1.1).
    case refusal(id: UInt16, flags: HeaderFlags, code: ResponseCode, edns: Query.EDNS?)
    /// The message is not answered: it has no header, or is itself an answer. Answering answers would make two servers exchange messages for ever.
    case silence

    /// Reads a complete message. Every sequence of bytes leads to one of the three cases.
    ///
    /// The name of a question is never compressed, since nothing precedes it that a pointer could point to. Owners of other records may be, but only their
    /// ends matter. So no pointer is followed here, and there can be no loop.
    package init(_ message: Span<UInt8>) {
        var reader = MessageCursor(position: 0)
        guard let id = reader.uint16(message), let flags = reader.uint16(message).map(HeaderFlags.init(rawValue:)),
            let questions = reader.uint16(message), let answers = reader.uint16(message), let authorities = reader.uint16(message),
            let additionals = reader.uint16(message), !flags.contains(.response)
        else {
            self = .silence
            return
        }
        let others = Int(answers) + Int(authorities)
        // Other operations have other sections of the same shape, so they are recognized first.
        guard flags.opcode == 0, questions == 1 else {
            let edns = reader.skipQuestions(Int(questions), message) ? reader.records(others, additionals: Int(additionals), message).edns : nil
            self = .refusal(id: id, flags: flags, code: flags.opcode == 0 ? .formatError : .notImplemented, edns: edns)
            return
        }
        guard let nameBytes = reader.plainName(message), let type = reader.uint16(message), let recordClass = reader.uint16(message) else {
            self = .refusal(id: id, flags: flags, code: .formatError, edns: nil)
            return
        }
        let (edns, areWhole) = reader.records(others, additionals: Int(additionals), message)
        // Bytes after the last record are refused, because some servers would read them and others not.
        guard areWhole, reader.position == message.count else {
            self = .refusal(id: id, flags: flags, code: .formatError, edns: edns)
            return
        }
        self = .query(
            Query(id: id, flags: flags, nameBytes: nameBytes, type: RecordType(rawValue: type), recordClass: recordClass, edns: edns))
    }
}

/// A position in a message. Each step returns nil instead of leaving the message.
struct MessageCursor {
    private(set) var position: Int

    init(position: Int) {
        self.position = position
    }

    /// What is needed of a record in a query: whether it is an OPT record, and what that says.
    struct RecordHead {
        var isAtRoot: Bool
        var type: RecordType
        var recordClass: UInt16
        var timeToLive: UInt32

        /// An OPT record uses the fields of a record in its own way (RFC 6891 §6.1.3).
        var edns: Query.EDNS {
            Query.EDNS(
                payloadBytes: Int(self.recordClass), version: UInt8(truncatingIfNeeded: self.timeToLive >> 16),
                wantsSignatures: self.timeToLive & 0x8000 != 0)
        }
    }

    @inline(__always)
    mutating func byte(_ message: Span<UInt8>) -> UInt8? {
        guard self.position < message.count else { return nil }
        defer { self.position += 1 }
        return message[self.position]
    }

    @inline(__always)
    mutating func uint16(_ message: Span<UInt8>) -> UInt16? {
        guard self.position + 2 <= message.count else { return nil }
        defer { self.position += 2 }
        return UInt16(message[self.position]) << 8 | UInt16(message[self.position + 1])
    }

    mutating func uint32(_ message: Span<UInt8>) -> UInt32? {
        guard let high = self.uint16(message), let low = self.uint16(message) else { return nil }
        return UInt32(high) << 16 | UInt32(low)
    }

    mutating func skip(_ count: Int, _ message: Span<UInt8>) -> Bool {
        guard message.count - self.position >= count else { return false }
        self.position += count
        return true
    }

    /// Skips a name without pointers, and returns its length in bytes.
    mutating func plainName(_ message: Span<UInt8>) -> Int? {
        let start = self.position
        while let length = self.byte(message) {
            guard length <= DNSName.maximumLabelBytes, self.position - start + Int(length) <= DNSName.maximumBytes else { return nil }
            if length == 0 { return self.position - start }
            guard self.skip(Int(length), message) else { return nil }
        }
        return nil
    }

    /// Skips a name that may end in a pointer. The pointer is not followed.
    mutating func skipName(_ message: Span<UInt8>) -> Bool {
        let start = self.position
        while let length = self.byte(message) {
            if length == 0 { return true }
            if length & 0xC0 == 0xC0 { return self.skip(1, message) }
            guard length <= DNSName.maximumLabelBytes, self.skip(Int(length), message), self.position - start < DNSName.maximumBytes
            else { return false }
        }
        return false
    }

    /// Skips questions that are not answered.
    mutating func skipQuestions(_ count: Int, _ message: Span<UInt8>) -> Bool {
        for _ in 0..<count {
            guard self.skipName(message), self.skip(4, message) else { return false }
        }
        return true
    }

    /// Skips the records after the question, and returns the contents of the OPT record among them, and whether all are valid.
    ///
    /// - Parameter others: how many records precede the additional ones.
    mutating func records(_ others: Int, additionals: Int, _ message: Span<UInt8>) -> (edns: Query.EDNS?, areWhole: Bool) {
        var edns: Query.EDNS?
        for index in 0..<(others + additionals) {
            guard let record = self.record(message) else { return (edns, false) }
            guard record.type == .opt else { continue }
            // There may be one OPT record, at the root, among the additional records (RFC 6891 §6.1.1).
            guard edns == nil, record.isAtRoot, index >= others else { return (edns, false) }
            edns = record.edns
        }
        return (edns, true)
    }

    /// Skips a complete record.
    mutating func record(_ message: Span<UInt8>) -> RecordHead? {
        let start = self.position
        guard self.skipName(message) else { return nil }
        let isAtRoot = self.position == start + 1
        guard let type = self.uint16(message), let recordClass = self.uint16(message), let timeToLive = self.uint32(message),
            let dataBytes = self.uint16(message), self.skip(Int(dataBytes), message)
        else { return nil }
        return RecordHead(isAtRoot: isAtRoot, type: RecordType(rawValue: type), recordClass: recordClass, timeToLive: timeToLive)
    }
}
