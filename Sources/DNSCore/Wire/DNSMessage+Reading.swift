extension DNSMessage {
    /// Reads a complete message; nil if it is cut off, contradicts itself, or continues after its last record.
    package init?(_ bytes: Span<UInt8>) {
        var cursor = MessageCursor(position: 0)
        guard let id = cursor.uint16(bytes), let flags = cursor.uint16(bytes), let questions = cursor.uint16(bytes),
            let answers = cursor.uint16(bytes), let authorities = cursor.uint16(bytes), let additionals = cursor.uint16(bytes)
        else { return nil }
        self.init(id: id, flags: HeaderFlags(rawValue: flags))
        for _ in 0..<questions {
            guard let name = cursor.name(bytes), let type = cursor.uint16(bytes), let recordClass = cursor.uint16(bytes) else { return nil }
            self.questions.append(Question(name, RecordType(rawValue: type), recordClass: recordClass))
        }
        guard let answers = Self.records(answers, &cursor, bytes), let authorities = Self.records(authorities, &cursor, bytes),
            let additionals = Self.records(additionals, &cursor, bytes), cursor.position == bytes.count
        else { return nil }
        self.answers = answers
        self.authorities = authorities
        self.additionals = additionals
    }

    private static func records(_ count: UInt16, _ cursor: inout MessageCursor, _ bytes: Span<UInt8>) -> [Record]? {
        var records: [Record] = []
        for _ in 0..<count {
            guard let name = cursor.name(bytes), let type = cursor.uint16(bytes), let recordClass = cursor.uint16(bytes),
                let timeToLive = cursor.uint32(bytes), let length = cursor.uint16(bytes),
                let data = RecordData(RecordType(rawValue: type), length: Int(length), at: &cursor, in: bytes)
            else { return nil }
            records.append(Record(name: name, recordClass: recordClass, timeToLive: timeToLive, data: data))
        }
        return records
    }
}

extension RecordData {
    /// Reads data that must have exactly this length.
    fileprivate init?(_ type: RecordType, length: Int, at cursor: inout MessageCursor, in bytes: Span<UInt8>) {
        guard cursor.position + length <= bytes.count else { return nil }
        let end = cursor.position + length
        switch type {
        case .a:
            guard let address = cursor.uint32(bytes) else { return nil }
            self = .a(address)
        case .aaaa:
            guard let high = cursor.uint64(bytes), let low = cursor.uint64(bytes) else { return nil }
            self = .aaaa(high: high, low: low)
        case .ns:
            guard let name = cursor.name(bytes) else { return nil }
            self = .ns(name)
        case .soa:
            guard let primary = cursor.name(bytes), let mailbox = cursor.name(bytes), let serial = cursor.uint32(bytes),
                let refresh = cursor.uint32(bytes), let retry = cursor.uint32(bytes), let expire = cursor.uint32(bytes),
                let minimum = cursor.uint32(bytes)
            else { return nil }
            self = .soa(
                StartOfAuthority(
                    primary: primary, mailbox: mailbox, serial: serial, refresh: refresh, retry: retry, expire: expire, minimum: minimum))
        case .txt:
            var text: [UInt8] = []
            while cursor.position < end {
                guard let string = cursor.string(bytes) else { return nil }
                text += string
            }
            self = .txt(text)
        case .caa:
            guard let flags = cursor.byte(bytes), let tag = cursor.string(bytes), let value = cursor.array(end - cursor.position, bytes),
                let property = CAAProperty(flags: flags, tag: tag, value: value)
            else { return nil }
            self = .caa(property)
        case .hinfo:
            guard let cpu = cursor.string(bytes), let system = cursor.string(bytes) else { return nil }
            self = .hinfo(cpu: cpu, system: system)
        default:
            guard let other = cursor.array(length, bytes) else { return nil }
            self = .other(type, other)
        }
        guard cursor.position == end else { return nil }
    }
}

extension MessageCursor {
    mutating func uint64(_ message: Span<UInt8>) -> UInt64? {
        guard let high = self.uint32(message), let low = self.uint32(message) else { return nil }
        return UInt64(high) << 32 | UInt64(low)
    }

    mutating func array(_ count: Int, _ message: Span<UInt8>) -> [UInt8]? {
        guard count >= 0, self.position + count <= message.count else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        for index in self.position..<(self.position + count) { bytes.append(message[index]) }
        return self.skip(count, message) ? bytes : nil
    }

    /// Reads a string: a length of one byte, and as many bytes (RFC 1035 §3.3).
    mutating func string(_ message: Span<UInt8>) -> [UInt8]? {
        guard let length = self.byte(message) else { return nil }
        return self.array(Int(length), message)
    }

    /// Reads a name, following pointers. Each pointer must lead to a place before the part of the name that it ends, so their number is limited and there is
    /// no loop.
    mutating func name(_ message: Span<UInt8>) -> DNSName? {
        var labels: [[UInt8]] = []
        var reader = self
        var partStart = self.position
        var isBehindPointer = false
        while let length = reader.byte(message) {
            if length == 0 {
                if !isBehindPointer { self = reader }
                return labels.isEmpty ? .root : DNSName(labels: labels)
            }
            if length & 0xC0 == 0xC0 {
                guard let low = reader.byte(message) else { return nil }
                if !isBehindPointer { self = reader }
                isBehindPointer = true
                let target = Int(length & 0x3F) << 8 | Int(low)
                guard target < partStart else { return nil }
                partStart = target
                reader = MessageCursor(position: target)
            } else {
                guard length <= DNSName.maximumLabelBytes, labels.count < DNSName.maximumBytes / 2,
                    let label = reader.array(Int(length), message)
                else { return nil }
                labels.append(label)
            }
        }
        return nil
    }
}
