/// The result of reading a message from a client: a query, a refusal, or nothing to answer.
package enum QueryReading: Hashable, Sendable {
    case query(Query)
    /// To be answered with a bare header, and with an OPT record where the message has one (RFC 6891 §6.1.1).
    case refusal(id: UInt16, flags: HeaderFlags, code: ResponseCode, edns: Query.EDNS?)
    /// Not to be answered at all: no header, or itself an answer, and answering those makes two servers talk for ever.
    case silence

    /// Reads a whole message. Total: every byte string is one of the three cases.
    ///
    /// The name of a question is never compressed: there is nothing before it that a pointer could point to. Owners of other records
    /// may be, but all that matters of them is where they end. So no pointer is ever followed here, and there is no loop to fall into.
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
        // Other operations have other sections, of the same shape, so they are told apart before anything else is looked at.
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
        // What follows the last record would be read by one server and not by another.
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

    /// What a query is read for in a record: whether it is an OPT, and what that says.
    struct RecordHead {
        var isAtRoot: Bool
        var type: RecordType
        var recordClass: UInt16
        var timeToLive: UInt32

        /// An OPT uses the fields of a record for things of its own (RFC 6891 §6.1.3).
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

    /// Steps over a name without pointers, and says how many bytes it has.
    mutating func plainName(_ message: Span<UInt8>) -> Int? {
        let start = self.position
        while let length = self.byte(message) {
            guard length <= DNSName.maximumLabelBytes, self.position - start + Int(length) <= DNSName.maximumBytes else { return nil }
            if length == 0 { return self.position - start }
            guard self.skip(Int(length), message) else { return nil }
        }
        return nil
    }

    /// Steps over a name that may end in a pointer. Where that leads does not matter.
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

    /// Steps over questions that nobody answers.
    mutating func skipQuestions(_ count: Int, _ message: Span<UInt8>) -> Bool {
        for _ in 0..<count {
            guard self.skipName(message), self.skip(4, message) else { return false }
        }
        return true
    }

    /// Steps over the records behind the question, and says what the OPT among them does, and whether they are as they should be.
    ///
    /// - Parameter others: how many there are before the additional ones.
    mutating func records(_ others: Int, additionals: Int, _ message: Span<UInt8>) -> (edns: Query.EDNS?, areWhole: Bool) {
        var edns: Query.EDNS?
        for index in 0..<(others + additionals) {
            guard let record = self.record(message) else { return (edns, false) }
            guard record.type == .opt else { continue }
            // One at most, at the root, among the additional records (RFC 6891 §6.1.1).
            guard edns == nil, record.isAtRoot, index >= others else { return (edns, false) }
            edns = record.edns
        }
        return (edns, true)
    }

    /// Steps over a whole record.
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
