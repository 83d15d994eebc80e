import DNSCore
import NIOCore
import Testing

@Suite struct QueryReadingTests {
    static func bytes(_ message: DNSMessage) -> ByteBuffer {
        var buffer = ByteBuffer()
        message.write(to: &buffer)
        return buffer
    }

    static let question = DNSMessage.query(DNSName("four.plane.test")!, .aaaa, id: 99, payloadBytes: 1400)

    static func code(_ message: DNSMessage) -> ResponseCode? {
        if case .refusal(_, _, let code, _) = QueryReading.of(self.bytes(message)) { code } else { nil }
    }

    @Test("a question with EDNS is read")
    func question() {
        guard case .query(let query) = QueryReading.of(Self.bytes(Self.question)) else {
            Issue.record("not read as a query")
            return
        }
        #expect(query.id == 99)
        #expect(query.type == .aaaa)
        #expect(query.nameBytes == 17)
        #expect(query.edns?.payloadBytes == 1400)
        #expect(query.edns?.version == 0)
        #expect(query.edns?.wantsSignatures == false)
    }

    @Test("what has no whole header is not answered; what is cut off behind it is malformed")
    func truncatedAtEveryLength() {
        let whole = Self.bytes(Self.question)
        for length in 0..<whole.readableBytes {
            let reading = QueryReading.of(whole.getSlice(at: 0, length: length)!)
            #expect(reading == (length < 12 ? .silence : .refusal(id: 99, flags: [], code: .formatError, edns: nil)), "\(length) bytes")
        }
    }

    @Test("an answer is never answered")
    func answer() {
        var message = Self.question
        message.flags = [.response, .recursionDesired]
        #expect(QueryReading.of(Self.bytes(message)) == .silence)
    }

    @Test("other operations are not implemented, whatever follows", arguments: UInt16(1)...15)
    func operations(_ opcode: UInt16) {
        var message = Self.question
        message.flags = HeaderFlags(rawValue: opcode << 11)
        #expect(Self.code(message) == .notImplemented)
        message.questions = []
        #expect(Self.code(message) == .notImplemented)
    }

    @Test("no question, and two of them, are malformed")
    func questionCount() {
        var message = Self.question
        message.questions += message.questions
        #expect(Self.code(message) == .formatError)
        message.questions = []
        #expect(Self.code(message) == .formatError)
    }

    @Test("EDNS twice, not at the root, or outside of the additional section is malformed")
    func misplacedEDNS() {
        var twice = Self.question
        twice.additionals += twice.additionals
        #expect(Self.code(twice) == .formatError)
        var named = Self.question
        named.additionals[0].name = ZoneFixture.origin
        #expect(Self.code(named) == .formatError)
        var early = Self.question
        early.answers = early.additionals
        early.additionals = []
        #expect(Self.code(early) == .formatError)
    }

    @Test("a pointer in the question's name is malformed: there is nothing it could point to")
    func pointerInQuestion() {
        let buffer = ByteBuffer(bytes: [0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xC0, 0x0C, 0, 1, 0, 1])
        #expect(QueryReading.of(buffer) == .refusal(id: 1, flags: [], code: .formatError, edns: nil))
    }

    @Test("a name above 255 bytes is malformed")
    func longName() {
        var buffer = ByteBuffer(bytes: [0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0])
        for _ in 0..<128 { buffer.writeBytes([1, 0x61]) }
        buffer.writeBytes([0, 0, 1, 0, 1])
        #expect(QueryReading.of(buffer) == .refusal(id: 1, flags: [], code: .formatError, edns: nil))
    }
}
