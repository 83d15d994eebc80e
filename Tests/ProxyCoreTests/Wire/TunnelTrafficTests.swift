import NIOCore
import Testing

@testable import ProxyCore

@Suite("Keep-alives and traffic of a WebSocket")
struct TunnelTrafficTests {
    private static let ping = masked(0x89, "alive")
    private static let text = masked(0x81, "hello")
    private static let pong: [UInt8] = [0x8A, 5] + Array("alive".utf8)

    /// A frame as clients send it.
    private static func masked(_ first: UInt8, _ payload: String) -> [UInt8] {
        let key: [UInt8] = [0x11, 0x22, 0x33, 0x44]
        return [first, 0x80 | UInt8(payload.utf8.count)] + key + payload.utf8.enumerated().map { $1 ^ key[$0 % 4] }
    }

    private struct Heard: Equatable {
        var forwarded: [UInt8] = []
        var pongs: [[UInt8]] = []
        var hasTraffic = false
    }

    /// What becomes of the bytes when they come in pieces of so many.
    private func send(_ bytes: [UInt8], inPiecesOf size: Int, to traffic: TunnelTraffic = TunnelTraffic(), answersPings: Bool = true) -> Heard {
        var heard = Heard()
        var rest = bytes[...]
        while !rest.isEmpty {
            let sorted = traffic.visitorSent(ByteBuffer(bytes: rest.prefix(size)), answersPings: answersPings)
            heard.forwarded += Array(sorted.forwarded.readableBytesView)
            if sorted.pong.readableBytes > 0 { heard.pongs.append(Array(sorted.pong.readableBytesView)) }
            if sorted.hasTraffic { heard.hasTraffic = true }
            rest = rest.dropFirst(size)
        }
        return heard
    }

    @Test("a ping is answered with its own payload and goes no further, however it is cut", arguments: 1...11)
    func answered(size: Int) {
        #expect(self.send(Self.ping, inPiecesOf: size) == Heard(forwarded: [], pongs: [Self.pong], hasTraffic: false))
    }

    @Test("what is around a ping goes on as it is, in order, however it is cut", arguments: [1, 2, 3, 7, 100])
    func around(size: Int) {
        let fragment = Self.masked(0x01, "begins")
        let pongOfVisitor = Self.masked(0x8A, "")
        let heard = self.send(Self.text + Self.ping + fragment + Self.ping + Self.masked(0x80, "ends") + pongOfVisitor, inPiecesOf: size)
        #expect(heard.forwarded == Self.text + fragment + Self.masked(0x80, "ends") + pongOfVisitor)
        #expect(heard.hasTraffic)
        #expect(heard.pongs.last == Self.pong)
    }

    @Test("of many pings at once the last one is answered")
    func flood() {
        let heard = self.send(Array(repeating: Self.masked(0x89, "old"), count: 10_000).flatMap { $0 } + Self.ping, inPiecesOf: 1 << 20)
        #expect(heard == Heard(forwarded: [], pongs: [Self.pong], hasTraffic: false))
    }

    @Test("while pings are not answered they go on, and are no traffic; neither are pongs", arguments: [1, 4, 100])
    func passedOn(size: Int) {
        let bytes = Self.ping + Self.masked(0x8A, "answer")
        #expect(self.send(bytes, inPiecesOf: size, answersPings: false) == Heard(forwarded: bytes))
    }

    @Test("of pings that went on the last one is remembered until the backend answers", arguments: [1, 100])
    func owed(size: Int) {
        let traffic = TunnelTraffic()
        #expect(traffic.takeOwedPong() == nil)
        _ = self.send(Self.masked(0x89, "old") + Self.ping, inPiecesOf: size, to: traffic, answersPings: false)
        #expect(traffic.takeOwedPong() == ByteBuffer(bytes: Self.pong))
        #expect(traffic.takeOwedPong() == nil)
        _ = self.send(Self.ping, inPiecesOf: size, to: traffic, answersPings: false)
        let pong = Self.pong
        _ = traffic.backendSent(pong.span)
        #expect(traffic.takeOwedPong() == nil)
    }

    @Test("what has nothing in it to be answered goes on in the memory it came in, pings too")
    func sameMemory() {
        let traffic = TunnelTraffic()
        let buffer = ByteBuffer(bytes: Self.text + Self.ping + Self.text + Self.ping)
        let forwarded = traffic.visitorSent(buffer, answersPings: false).forwarded
        #expect(forwarded == buffer)
        let places = [buffer, forwarded].map { $0.withUnsafeReadableBytes(\.baseAddress) }
        #expect(places[0] == places[1])
        #expect(traffic.takeOwedPong() == ByteBuffer(bytes: Self.pong))
    }

    @Test("pings of every length are answered whole", arguments: [0, 1, 4, 124, 125])
    func lengths(length: Int) {
        let payload = String(repeating: "p", count: length)
        let pong = [0x8A, UInt8(length)] + Array(payload.utf8)
        #expect(self.send(Self.masked(0x89, payload), inPiecesOf: 3) == Heard(pongs: [pong]))
        #expect(self.send(Self.masked(0x89, payload), inPiecesOf: 200) == Heard(pongs: [pong]))
    }

    @Test(
        "a frame that only looks like a ping goes on, and is for the backend to judge", arguments: [[0x89, 0x05], [0x89, 0xFE], [0x09, 0x80]] as [[UInt8]])
    func lookalike(head: [UInt8]) {
        let bytes = head + [1, 2, 3, 4, 5]
        let heard = self.send(bytes, inPiecesOf: 100)
        #expect(heard.forwarded == bytes)
        #expect(heard.pongs.isEmpty)
    }

    @Test("a ping whose backend goes on before it is complete reaches the backend")
    func overtaken() {
        let traffic = TunnelTraffic()
        #expect(self.send(Array(Self.ping.prefix(4)), inPiecesOf: 4, to: traffic) == Heard())
        #expect(self.send(Array(Self.ping.dropFirst(4)) + Self.text, inPiecesOf: 100, to: traffic, answersPings: false).forwarded == Self.ping + Self.text)
    }

    @Test("a ping in the middle of a frame is content")
    func content() {
        let traffic = TunnelTraffic()
        _ = self.send([0x82, 0xFF, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4], inPiecesOf: 100, to: traffic)
        #expect(self.send(Self.ping, inPiecesOf: 3, to: traffic) == Heard(forwarded: Self.ping, hasTraffic: true))
    }

    @Test("of a backend, everything but pings and pongs is traffic, and the place between two of its frames is known")
    func backend() {
        let traffic = TunnelTraffic()
        for (bytes, isTraffic, isBetween) in [
            ([0x89, 0x00, 0x8A, 0x01, 0x07], false, true), ([0x81, 0x02, 0x41], true, false), ([0x42], true, true), ([0x8A], false, false),
            ([0x00], false, true),
        ] as [([UInt8], Bool, Bool)] {
            let saw = traffic.backendSent(bytes.span)
            #expect(saw == isTraffic)
            #expect(traffic.isBetweenBackendFrames == isBetween)
        }
    }
}
