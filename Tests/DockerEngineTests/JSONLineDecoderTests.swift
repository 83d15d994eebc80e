@testable import DockerEngine
import NIOCore
import Testing
import UTCTime

@Suite("A stream of JSON lines")
struct JSONLineDecoderTests {
    private static func decode<Element: Decodable & Sendable>(
        _ text: String, as type: Element.Type = PullMessage.self, portions size: Int = .max
    ) throws -> [Element] {
        var decoder = JSONLineDecoder<Element>()
        var elements: [Element] = []
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            elements += try decoder.feed(ByteBuffer(bytes: rest.prefix(size)))
            rest = rest.dropFirst(size)
        }
        return try elements + decoder.finish()
    }

    @Test("is read in whatever portions it comes, with the last line's end or without", arguments: [1, 2, 10, .max])
    func portions(size: Int) throws {
        let text = """
            {"status":"Pulling from acme/editor","id":"4"}\r
            {"status":"Downloading","progressDetail":{"current":5,"total":10},"progress":"[=>","id":"0a1b"}\r
            \r
            {"status":"Done","progressDetail":{}}
            """
        #expect(
            try Self.decode(text, portions: size) == [
                .progress(PullProgress(status: "Pulling from acme/editor", layer: "4", bytesDone: nil, bytesTotal: nil)),
                .progress(PullProgress(status: "Downloading", layer: "0a1b", bytesDone: 5, bytesTotal: 10)),
                .progress(PullProgress(status: "Done", layer: nil, bytesDone: nil, bytesTotal: nil)),
            ])
    }

    @Test("tells a failure in the middle of a success")
    func failure() throws {
        #expect(try Self.decode(#"{"errorDetail":{"code":1,"message":"why"},"error":"short"}"#) == [.failure("why")])
        #expect(try Self.decode(#"{"error":"short"}"#) == [.failure("short")])
    }

    @Test("refuses what is no JSON, what breaks off, and what is too long", arguments: ["nonsense\n", #"{"status":"#, "[]\n"])
    func refused(text: String) {
        #expect(throws: StreamError.self) { try Self.decode(text) }
    }

    @Test("has a longest line")
    func limit() {
        let limit = JSONLineDecoder<PullMessage>.lineLimit
        #expect(throws: StreamError.tooLarge(limitBytes: limit)) {
            try Self.decode(String(repeating: " ", count: limit + 1), portions: 4096)
        }
    }

    @Test("passes over a line that is too long, where that is asked for, and reads on behind it", arguments: [4096, .max])
    func longLine(size: Int) throws {
        var decoder = JSONLineDecoder<PullMessage>(skipsLongLines: true)
        let long = #"{"status":"\#(String(repeating: "x", count: JSONLineDecoder<PullMessage>.lineLimit))"}"#
        var rest = Array(("{\"error\":\"one\"}\n" + long + "\n" + long + "\n{\"error\":\"two\"}\n").utf8)[...]
        var elements: [PullMessage] = []
        while !rest.isEmpty {
            elements += try decoder.feed(ByteBuffer(bytes: rest.prefix(size)))
            rest = rest.dropFirst(size)
        }
        #expect(elements == [.failure("one"), .failure("two")])
        #expect(try decoder.finish().isEmpty)
    }

    @Test("of events is read, odd exit codes included (A20)")
    func events() throws {
        let events = try Self.decode(
            """
            {"Type":"container","Action":"die","Actor":{"ID":"c1","Attributes":{"exitCode":"70000000000","name":"plane-b"}},"timeNano":1710148531100000001}
            {"Type":"container","Action":"exec_create: sh -c x","Actor":{"ID":"c1"}}
            """, as: ContainerEvent.self)
        #expect(events.map(\.action) == [.died, .other("exec_create")])
        #expect(events.map(\.exitCode) == [70_000_000_000, nil])
        #expect(events.map(\.name) == ["plane-b", "c1"])
        #expect(events.map(\.time) == [UTCInstant(seconds: 1_710_148_531, nanoseconds: 100_000_001), nil])
    }
}
