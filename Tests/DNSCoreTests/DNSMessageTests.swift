import DNSCore
import NIOCore
import Testing

@Suite struct DNSMessageTests {
    static let everything: DNSMessage = {
        var message = DNSMessage.query(ZoneFixture.origin, .any, id: 7, payloadBytes: 1232)
        let data: [RecordData] = [
            .a(1), .aaaa(high: 2, low: 3), .ns(ZoneFixture.nameServer), .txt(Array(repeating: 0x41, count: 600)),
            .caa(CAAProperty("128 issuewild \";\"")!), .hinfo(cpu: [1], system: []), .other(.mx, [0, 1, 0]),
        ]
        message.answers = data.map { .init(name: ZoneFixture.origin, timeToLive: 60, data: $0) }
        return message
    }()

    static var everythingAsBytes: ByteBuffer {
        var buffer = ByteBuffer()
        self.everything.write(to: &buffer)
        return buffer
    }

    @Test("what is written is read again")
    func roundTrip() {
        #expect(DNSMessage.read(Self.everythingAsBytes) == Self.everything)
    }

    @Test("a message cut off anywhere is no message, and one with a byte too many neither")
    func truncatedAtEveryLength() {
        let whole = Self.everythingAsBytes
        for length in 0..<whole.readableBytes {
            #expect(DNSMessage.read(whole.getSlice(at: 0, length: length)!) == nil, "\(length) bytes")
        }
        var more = whole
        more.writeInteger(UInt8(0))
        #expect(DNSMessage.read(more) == nil)
    }

    @Test(
        "pointers are followed backwards only, so that there is no loop",
        arguments: [
            ([0xC0, 0x0C], false),  // to itself
            ([0xC0, 0x0E], false),  // forwards
            ([0xFF, 0xFF], false),  // outside
            ([1, 0x61, 0xC0, 0x0C], false),  // to its own beginning
            ([0xC0], false),
            ([0x80, 0], false),  // a kind of label that does not exist
            ([0xC0, 0x0B], true),  // the last byte of the header is 0: the root
        ] as [([UInt8], Bool)])
    func pointers(_ name: [UInt8], isRead: Bool) {
        var buffer = ByteBuffer(bytes: [0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0])
        buffer.writeBytes(name)
        buffer.writeMultipleIntegers(UInt16(1), UInt16(1))
        #expect((DNSMessage.read(buffer) != nil) == isRead)
    }

    @Test("CAA properties are read as zone files have them, or not at all")
    func caa() {
        #expect(CAAProperty("0 issue letsencrypt.org") == CAAProperty("0  issue \"letsencrypt.org\""))
        for text in ["issue \"a\"", "300 issue a", "0 issue", "0 iss-ue a", "0 issue \"a\" \"b\""] { #expect(CAAProperty(text) == nil, "\(text)") }
    }
}
