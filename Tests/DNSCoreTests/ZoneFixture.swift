import DNSCore
import NIOCore

/// The zone `plane.test` with one name server, one challenge and three hosts, and ways to ask for it.
enum ZoneFixture {
    static let origin = DNSName("plane.test")!
    static let nameServer = DNSName("ns1.plane.test")!
    static let serverAddress = RecordData.a(0xC000_0235)
    static let v4 = RecordData.a(0xCB00_7107)
    static let v6 = RecordData.aaaa(high: 0x2001_0DB8_0000_0000, low: 7)

    static func table() -> ZoneTable {
        var generator = SeededGenerator(seed: 1)
        var table = ZoneTable(using: &generator)
        let soa = StartOfAuthority(
            primary: nameServer, mailbox: DNSName(mailbox: "host.master@plane.test")!, serial: 0, refresh: 7200, retry: 7200, expire: 7200,
            minimum: 5)
        let addresses = RecordSet([serverAddress], timeToLive: 60)
        table.add(
            Zone(origin: origin, authority: soa, timeToLive: 60, glue: [(nameServer, addresses)]),
            fixed: [
                (origin, RecordSet([.ns(nameServer), .caa(CAAProperty("0 issue \"letsencrypt.org\"")!)], timeToLive: 60)),
                (nameServer, addresses),
                (DNSName("_acme-challenge.plane.test")!, RecordSet([.txt(Array("one".utf8)), .txt(Array("two".utf8))], timeToLive: 1)),
            ])
        table.setSerial(42, of: origin)
        for (host, data) in [("four", v4), ("six", v6)] {
            if let node = table.addNode(in: origin, RecordSet([data], timeToLive: 60)) { table.bind(origin.child(host)!, to: node) }
        }
        return table
    }

    static func responder(_ table: ZoneTable = table()) -> Responder<SharedZones> { Responder(source: SharedZones(table)) }

    /// Asks and reads the answer; nil if there is none.
    static func ask(
        _ name: String, _ type: RecordType, payloadBytes: UInt16? = nil, over transport: Transport = .udp, of table: ZoneTable = table()
    ) -> DNSMessage? {
        self.send(.query(DNSName(name)!, type, id: 4711, payloadBytes: payloadBytes), over: transport, to: table)
    }

    static func send(_ message: DNSMessage, over transport: Transport = .udp, to table: ZoneTable = table()) -> DNSMessage? {
        var bytes = ByteBuffer()
        message.write(to: &bytes)
        return self.send(bytes, over: transport, to: table)
    }

    static func send(_ bytes: ByteBuffer, over transport: Transport = .udp, to table: ZoneTable = table()) -> DNSMessage? {
        guard var response = self.responder(table).response(to: bytes, over: transport)?.bytes else { return nil }
        if transport == .tcp { response.moveReaderIndex(forwardBy: 2) }
        return DNSMessage(response.readableBytesUInt8Span)
    }
}

// Spans cannot be made inside of `#expect`, so these take buffers.
extension DNSMessage {
    static func read(_ buffer: ByteBuffer) -> DNSMessage? { DNSMessage(buffer.readableBytesUInt8Span) }

    var bytes: [UInt8] {
        var buffer = ByteBuffer()
        self.write(to: &buffer)
        return Array(buffer.readableBytesView)
    }
}

extension QueryReading {
    static func of(_ buffer: ByteBuffer) -> QueryReading { QueryReading(buffer.readableBytesUInt8Span) }
}

/// SplitMix64: the same numbers on every run.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        self.state = seed
    }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var value = self.state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}
