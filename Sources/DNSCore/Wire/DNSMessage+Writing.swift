package import NIOCore

extension DNSMessage {
    /// A query for records of one type at a name.
    ///
    /// - Parameter payloadBytes: if given, the query has EDNS and allows UDP answers of this size.
    package static func query(_ name: DNSName, _ type: RecordType, id: UInt16, payloadBytes: UInt16? = nil) -> DNSMessage {
        var message = DNSMessage(id: id, flags: [])
        message.questions = [Question(name, type)]
        if let payloadBytes {
            message.additionals = [Record(name: .root, recordClass: payloadBytes, timeToLive: 0, data: .other(.opt, []))]
        }
        return message
    }

    /// Writes the message without compression. Counts beyond 16 bits are cut; such a message could not be sent anyway.
    package func write(to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(
            self.id, self.flags.rawValue, UInt16(truncatingIfNeeded: self.questions.count), UInt16(truncatingIfNeeded: self.answers.count),
            UInt16(truncatingIfNeeded: self.authorities.count), UInt16(truncatingIfNeeded: self.additionals.count))
        for question in self.questions {
            buffer.writeBytes(question.name.wire)
            buffer.writeMultipleIntegers(question.type.rawValue, question.recordClass)
        }
        for record in self.answers + self.authorities + self.additionals {
            buffer.writeBytes(record.name.wire)
            buffer.writeMultipleIntegers(record.data.type.rawValue, record.recordClass, record.timeToLive)
            record.data.write(to: &buffer)
        }
    }
}
