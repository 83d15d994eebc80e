import DNSCore
import NIOCore
import Testing

@Suite struct ResponderTests {
    /// What is asked, and what comes of it.
    struct Case: CustomTestStringConvertible, Sendable {
        var name: String
        var type: RecordType
        var code: ResponseCode = .noError
        var answers: [RecordData] = []

        var testDescription: String { "\(self.name) \(self.type.rawValue)" }
    }

    @Test(
        "each type at each kind of name",
        arguments: [
            Case(name: "four.plane.test", type: .a, answers: [ZoneFixture.v4]),
            Case(name: "four.plane.test", type: .aaaa),
            Case(name: "six.plane.test", type: .aaaa, answers: [ZoneFixture.v6]),
            Case(name: "six.plane.test", type: .a),
            Case(name: "four.plane.test", type: .txt),
            Case(name: "four.plane.test", type: .soa),
            Case(name: "four.plane.test", type: .ns),
            Case(name: "unknown.plane.test", type: .a),
            Case(name: "plane.test", type: .ns, answers: [.ns(ZoneFixture.nameServer)]),
            Case(name: "plane.test", type: .caa, answers: [.caa(CAAProperty("0 issue letsencrypt.org")!)]),
            Case(name: "plane.test", type: .a),
            Case(name: "ns1.plane.test", type: .a, answers: [ZoneFixture.serverAddress]),
            Case(name: "_acme-challenge.plane.test", type: .txt, answers: [.txt(Array("one".utf8)), .txt(Array("two".utf8))]),
            Case(name: "_acme-challenge.plane.test", type: .a),
            Case(name: "a.four.plane.test", type: .a, code: .nameError),
            Case(name: "_dmarc.plane.test", type: .txt, code: .nameError),
            Case(name: "-x.plane.test", type: .a, code: .nameError),
            Case(name: "plane.example", type: .a, code: .refused),
            Case(name: "test", type: .ns, code: .refused),
            Case(name: ".", type: .ns, code: .refused),
            Case(name: "plane.test", type: .axfr, code: .refused),
            Case(name: "plane.test", type: .ixfr, code: .refused),
            Case(name: "plane.test", type: .opt, code: .formatError),
            Case(name: "plane.test", type: RecordType(rawValue: 253), code: .notImplemented),
        ])
    func answers(_ expected: Case) throws {
        let answer = try #require(ZoneFixture.ask(expected.name, expected.type))
        #expect(answer.code == expected.code)
        #expect(answer.answers.map(\.data) == expected.answers)
        #expect(answer.id == 4711)
    }

    @Test("D1: answers are authoritative, and negative ones carry the SOA with the small minimum as its time to live")
    func authority() throws {
        for name in ["unknown.plane.test", "a.b.plane.test", "plane.test"] {
            let answer = try #require(ZoneFixture.ask(name, .mx))
            #expect(answer.flags.contains([.response, .authoritative]))
            #expect(!answer.flags.contains(.recursionAvailable))
            let soa = try #require(answer.authorities.first)
            #expect(soa.name == ZoneFixture.origin)
            #expect(soa.timeToLive == 5)
            guard case .soa(let start) = soa.data else { throw UnexpectedRecord() }
            #expect(start.minimum == 5)
            #expect(start.serial == 42)
            #expect(start.mailbox.description == #"host\.master.plane.test."#)
        }
        let refused = try #require(ZoneFixture.ask("plane.example", .a))
        #expect(!refused.flags.contains(.authoritative))
        #expect(refused.authorities.isEmpty)
    }

    @Test("D1: SOA and NS stand at the origin and nowhere else; NS comes with the server's address")
    func origin() throws {
        #expect(try #require(ZoneFixture.ask("plane.test", .soa)).answers.count == 1)
        #expect(try #require(ZoneFixture.ask("four.plane.test", .soa)).answers.isEmpty)
        let servers = try #require(ZoneFixture.ask("plane.test", .ns))
        #expect(servers.additionals.map(\.name) == [ZoneFixture.nameServer])
        #expect(servers.additionals.map(\.data) == [ZoneFixture.serverAddress])
    }

    @Test("a positive answer has nothing that was not asked for")
    func minimal() throws {
        let answer = try #require(ZoneFixture.ask("four.plane.test", .a))
        #expect(answer.authorities.isEmpty && answer.additionals.isEmpty)
    }

    @Test("ANY gets one record instead of everything (RFC 8482), and nothing where nothing is")
    func any() throws {
        #expect(try #require(ZoneFixture.ask("_acme-challenge.plane.test", .any)).answers.map(\.data) == [.hinfo(cpu: Array("RFC8482".utf8), system: [])])
        #expect(try #require(ZoneFixture.ask("unknown.plane.test", .any)).answers.isEmpty)
    }

    @Test("other classes are refused")
    func otherClass() throws {
        var message = DNSMessage.query(DNSName("version.bind")!, .txt, id: 1)
        message.questions[0].recordClass = 3
        #expect(try #require(ZoneFixture.send(message)).code == .refused)
    }

    @Test("EDNS is answered with EDNS: our size, the DO bit as it came, and other versions with BADVERS")
    func edns() throws {
        var message = DNSMessage.query(DNSName("four.plane.test")!, .a, id: 1, payloadBytes: 4096)
        message.additionals[0].timeToLive = 0x8000
        let plain = try #require(ZoneFixture.send(message))
        #expect(plain.code == .noError)
        #expect(plain.additionals.first?.recordClass == 1232)
        #expect(plain.additionals.first?.timeToLive == 0x8000)
        message.additionals[0].timeToLive = 0x0001_0000
        let other = try #require(ZoneFixture.send(message))
        #expect(other.code == .badVersion)
        #expect(other.answers.isEmpty)
        #expect(try #require(ZoneFixture.ask("four.plane.test", .a)).additionals.isEmpty)
    }

    @Test("the flags that are wishes come back as they were, the others do not")
    func flags() throws {
        var message = DNSMessage.query(DNSName("four.plane.test")!, .a, id: 1)
        message.flags = [.recursionDesired, .checkingDisabled, .authenticData, .recursionAvailable]
        #expect(try #require(ZoneFixture.send(message)).flags == [.response, .authoritative, .recursionDesired, .checkingDisabled])
    }

    @Test("the case of the question is kept, in it and in the names of the records (0x20)")
    func keepsCase() throws {
        var bytes = ByteBuffer(bytes: [0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0])
        let name = [4] + Array("FoUr".utf8) + [5] + Array("pLANe".utf8) + [4] + Array("tesT".utf8) + [0]
        bytes.writeBytes(name)
        bytes.writeMultipleIntegers(RecordType.a.rawValue, UInt16(1))
        let response = try #require(ZoneFixture.responder().response(to: bytes, over: .udp)?.bytes)
        #expect(Array(response.readableBytesView[12..<(12 + name.count)]) == name)
        #expect(Array(response.readableBytesView[(16 + name.count)..<(18 + name.count)]) == [0xC0, 0x0C])
        #expect(DNSMessage.read(response)?.answers.map(\.data) == [ZoneFixture.v4])
    }

    /// Ten texts of a hundred bytes: 1.1 KiB of records.
    static let crowded: ZoneTable = {
        var table = ZoneFixture.table()
        let texts = (0..<10).map { RecordData.txt(Array(repeating: UInt8($0 + 65), count: 100)) }
        table.replaceFixed(DNSName("_acme-challenge.plane.test")!, RecordSet(texts, timeToLive: 1))
        return table
    }()

    @Test("D4: what does not fit into a datagram is cut and said to be, and comes whole over TCP")
    func truncation() throws {
        let name = "_acme-challenge.plane.test"
        let small = try #require(ZoneFixture.ask(name, .txt, of: Self.crowded))
        #expect(small.flags.contains(.truncated))
        #expect(small.answers.isEmpty)
        let edns = try #require(ZoneFixture.ask(name, .txt, payloadBytes: 1232, of: Self.crowded))
        #expect(edns.answers.count == 10)
        #expect(!edns.flags.contains(.truncated))
        let greedy = try #require(ZoneFixture.ask(name, .txt, payloadBytes: 100, of: Self.crowded))
        #expect(greedy.flags.contains(.truncated))
        #expect(greedy.additionals.count == 1)
        let stream = try #require(ZoneFixture.ask(name, .txt, over: .tcp, of: Self.crowded))
        #expect(stream.answers.count == 10)
    }

    @Test("no datagram is larger than the client takes, or than 1232 bytes", arguments: [0, 1, 511, 512, 700, 1231, 1232, 1233, 65535] as [UInt16])
    func sizes(_ payloadBytes: UInt16) throws {
        var bytes = ByteBuffer()
        DNSMessage.query(DNSName("_acme-challenge.plane.test")!, .txt, id: 1, payloadBytes: payloadBytes).write(to: &bytes)
        let response = try #require(ZoneFixture.responder(Self.crowded).response(to: bytes, over: .udp))
        #expect(response.bytes.readableBytes <= min(max(Int(payloadBytes), 512), 1232))
    }

    @Test("of several zones the deepest one answers")
    func nestedZones() throws {
        var table = ZoneFixture.table()
        let origin = try #require(DNSName("eu.plane.test"))
        let soa = StartOfAuthority(primary: origin, mailbox: origin, serial: 0, refresh: 1, retry: 1, expire: 1, minimum: 1)
        table.add(Zone(origin: origin, authority: soa, timeToLive: 60), fixed: [])
        #expect(try #require(ZoneFixture.ask("x.eu.plane.test", .a, of: table)).authorities.map(\.name) == [origin])
        #expect(try #require(ZoneFixture.ask("eu.plane.test", .soa, of: table)).answers.map(\.name) == [origin])
    }

    @Test("a host cannot take the name of the origin, of the name server or of the challenge, nor remove it")
    func reservedNames() throws {
        var table = ZoneFixture.table()
        let added = table.addNode(in: ZoneFixture.origin, RecordSet([ZoneFixture.v4], timeToLive: 60))
        let node = try #require(added)
        for name in ["plane.test", "ns1.plane.test", "_acme-challenge.plane.test"] {
            let name = try #require(DNSName(name))
            table.bind(name, to: node)
            table.unbind(name)
        }
        #expect(try #require(ZoneFixture.ask("ns1.plane.test", .a, of: table)).answers.map(\.data) == [ZoneFixture.serverAddress])
        #expect(try #require(ZoneFixture.ask("plane.test", .ns, of: table)).answers.count == 1)
    }

    @Test("the names of a host change with its records, and go with their binding")
    func hosts() throws {
        var table = ZoneFixture.table()
        let added = table.addNode(in: ZoneFixture.origin, RecordSet([ZoneFixture.v4], timeToLive: 60))
        let node = try #require(added)
        let first = try #require(ZoneFixture.origin.child("b1"))
        let second = try #require(ZoneFixture.origin.child("b2"))
        table.bind(first, to: node)
        table.bind(second, to: node)
        table.replace(node, RecordSet([ZoneFixture.v6], timeToLive: 60))
        for name in ["b1.plane.test", "b2.plane.test"] {
            #expect(try #require(ZoneFixture.ask(name, .a, of: table)).answers.isEmpty)
            #expect(try #require(ZoneFixture.ask(name, .aaaa, of: table)).answers.map(\.data) == [ZoneFixture.v6])
        }
        table.unbind(first)
        #expect(try #require(ZoneFixture.ask("b1.plane.test", .aaaa, of: table)).answers.isEmpty)
    }

    private struct UnexpectedRecord: Error {}

    @Test("whoever speaks EDNS is answered with it, whatever is wrong with the message (RFC 6891 §6.1.1)")
    func refusedWithEDNS() throws {
        let whole = DNSMessage.query(DNSName("four.plane.test")!, .a, id: 7, payloadBytes: 1400)
        var none = whole
        none.questions = []
        var two = whole
        two.questions += two.questions
        var update = whole
        update.flags = HeaderFlags(rawValue: 5 << 11)
        var twice = whole
        twice.additionals += twice.additionals
        for (message, code) in [(none, ResponseCode.formatError), (two, .formatError), (twice, .formatError), (update, .notImplemented)] {
            for transport in [Transport.udp, .tcp] {
                let answer = try #require(ZoneFixture.send(message, over: transport))
                #expect(answer.code == code)
                #expect(answer.additionals.map(\.data.type) == [.opt])
                #expect(answer.questions.isEmpty)
            }
            var plain = message
            plain.additionals = []
            #expect(try #require(ZoneFixture.send(plain)).additionals.isEmpty)
        }
    }
}
