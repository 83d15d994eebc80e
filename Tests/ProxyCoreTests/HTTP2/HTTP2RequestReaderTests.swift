import NIOCore
import Testing

@testable import ProxyCore

@Suite("A request of HTTP/2 as the engine knows it")
struct HTTP2RequestReaderTests {
    private static let start: [(String, String)] = [
        (":method", "GET"), (":scheme", "https"), (":authority", "b-1.plane.test"), (":path", "/a?b=c"),
    ]

    /// What came of a head: method and path, the lines of the fields, and what is known of the body.
    private struct Seen {
        var request: String
        var lines: String
        var framing: BodyFraming
        var priority: StreamPriority?
    }

    private static func read(
        _ fields: [(String, String)], endsStream: Bool = true, limits: ProxyLimits = ProxyLimits()
    ) throws(HTTPViolation) -> Seen {
        let reader = HTTP2RequestReader()
        reader.begin(isTrailers: false)
        Self.take(fields, reader, limits)
        let head = try reader.head(endsStream: endsStream, limits: limits)
        let buffer = reader.bytes
        let bytes = buffer.readableBytesUInt8Span
        #expect(bytes.text(head.hostName) == "b-1.plane.test")
        #expect(head.length == bytes.count)
        return Seen(
            request: bytes.text(head.method) + " " + bytes.text(head.path), lines: bytes.text(head.fieldsStart..<head.length), framing: head.framing,
            priority: reader.priority)
    }

    private static func take(_ fields: [(String, String)], _ reader: HTTP2RequestReader, _ limits: ProxyLimits) {
        for (name, value) in fields {
            Array(name.utf8).withUnsafeBufferPointer { name in
                Array(value.utf8).withUnsafeBufferPointer { value in reader.take(name, value, limits: limits) }
            }
        }
    }

    private static func trailers(_ fields: [(String, String)]) throws(HTTPViolation) -> String {
        let reader = HTTP2RequestReader()
        reader.begin(isTrailers: true)
        Self.take(fields, reader, ProxyLimits())
        return String(buffer: try reader.trailers())
    }

    /// The good request with one field replaced.
    private static func replacing(_ name: String, by value: String?) -> [(String, String)] {
        Self.start.compactMap { $0.0 == name ? value.map { (name, $0) } : $0 }
    }

    @Test("P16: the authority becomes the Host, once; cookies become one field")
    func good() throws {
        let fields = Self.start + [("host", "b-1.plane.test"), ("cookie", "a=1"), ("x", "y"), ("cookie", "b=2"), ("te", "trailers")]
        let seen = try Self.read(fields)
        #expect(seen.request == "GET /a?b=c")
        #expect(seen.lines == "Host: b-1.plane.test\r\nx: y\r\nte: trailers\r\ncookie: a=1; b=2\r\n\r\n")
        #expect(seen.framing == .none)
    }

    @Test("P16: without an authority the Host field counts")
    func hostOnly() throws {
        let fields = Self.replacing(":authority", by: nil) + [("host", "b-1.plane.test")]
        #expect(try Self.read(fields).lines == "host: b-1.plane.test\r\n\r\n")
    }

    @Test("a reader is used again for the next request, and nothing is left of the last")
    func again() throws {
        let reader = HTTP2RequestReader()
        for path in ["/first", "/2"] {
            reader.begin(isTrailers: false)
            Self.take(Self.replacing(":path", by: path) + [("cookie", "a=\(path)")], reader, ProxyLimits())
            let head = try reader.head(endsStream: true, limits: ProxyLimits())
            let buffer = reader.bytes
            let bytes = buffer.readableBytesUInt8Span
            #expect(bytes.text(head.path) == path)
            #expect(bytes.text(head.fieldsStart..<head.length) == "Host: b-1.plane.test\r\ncookie: a=\(path)\r\n\r\n")
        }
    }

    @Test("a body has the length that is told, or chunks; no body has neither")
    func framing() throws {
        #expect(try Self.read(Self.start).framing == .none)
        #expect(try Self.read(Self.start, endsStream: false).framing == .chunked)
        #expect(try Self.read(Self.start + [("content-length", "3")], endsStream: false).framing == .length(3))
        #expect(try Self.read(Self.start + [("content-length", "0")]).framing == .length(0))
    }

    @Test("trailers are lines; what would be another request, or says something about framing or access, is refused")
    func trailers() throws {
        #expect(try Self.trailers([]) == "")
        #expect(try Self.trailers([("a", "b"), ("c", "")]) == "a: b\r\nc: \r\n")
        for (name, value) in [
            (":path", "/"), ("a", "b\r\n\r\nGET / HTTP/1.1"), ("a\r\nb", "c"), ("a", "\n"), ("A", "b"), ("a", " b"), ("", "b"), ("a b", "c"),
            ("authorization", "b"), ("content-length", "3"), ("transfer-encoding", "chunked"), ("host", "b"), ("cookie", "a=b"),
        ] {
            #expect(throws: HTTPViolation.self, "\(name)") { try Self.trailers([(name, value)]) }
        }
    }

    @Test(
        "what would be another request in HTTP/1.1 is refused: bytes",
        arguments: [
            (":path", "/ HTTP/1.1\r\nHost: evil"), (":path", "/ HTTP/1.1"), (":path", "/\n"), (":path", "/#a"), (":path", ""), (":path", "a"),
            (":path", "*"), (":method", "GET / HTTP/1.1\r\nx:"), (":method", "G ET"), (":method", ""), (":method", "CONNECT"),
            (":authority", "a\r\nx: y"), (":authority", ""), (":scheme", "http"), (":scheme", "https\r\n"), (":authority", " b-1.plane.test"),
        ])
    func pseudoFields(name: String, value: String) {
        #expect(throws: HTTPViolation.self) { try Self.read(Self.replacing(name, by: value)) }
    }

    @Test("what HTTP/1.1 would need is refused when it is missing", arguments: [":method", ":scheme", ":path", ":authority"])
    func missing(name: String) {
        #expect(throws: HTTPViolation.self) { try Self.read(Self.replacing(name, by: nil)) }
    }

    @Test(
        "what would be another request in HTTP/1.1 is refused: fields",
        arguments: [
            ("transfer-encoding", "chunked"), ("connection", "close"), ("upgrade", "websocket"), ("keep-alive", "1"), ("proxy-connection", "x"),
            ("te", "chunked"), ("x", "a\r\nb: c"), ("x", "a\nb"), ("x", "a\0"), ("x", " a"), ("x", "a\t"), ("X", "a"), ("x y", "a"), ("x:", "a"),
            ("x\r\ny", "a"), ("", "a"), (":protocol", "websocket"), (":status", "200"), (":path", "/b"), ("host", "other.plane.test"),
            ("content-length", "3"), ("content_length", "3"), ("transfer_encoding", "chunked"), ("expect", "200-ok"),
        ])
    func fields(name: String, value: String) {
        #expect(throws: HTTPViolation.self) { try Self.read(Self.start + [(name, value)]) }
    }

    @Test("a pseudo field behind a field is refused")
    func order() {
        #expect(throws: HTTPViolation.malformedFieldName) {
            try Self.read(Self.replacing(":path", by: nil) + [("x", "y"), (":path", "/a?b=c")])
        }
    }

    @Test("a length that is no number is refused", arguments: ["-1", "+3", "3,3", "0x3", "3.0", "18446744073709551616", "03", ""])
    func oddLength(value: String) {
        #expect(throws: HTTPViolation.malformedContentLength) {
            try Self.read(Self.start + [("content-length", value)], endsStream: false)
        }
    }

    @Test("two lengths, or two hosts, are refused")
    func twice() {
        #expect(throws: HTTPViolation.self) {
            try Self.read(Self.start + [("content-length", "3"), ("content-length", "3")], endsStream: false)
        }
        #expect(throws: HTTPViolation.self) {
            try Self.read(Self.replacing(":authority", by: nil) + [("host", "b-1.plane.test"), ("host", "b-1.plane.test")])
        }
    }

    @Test("limits are those of HTTP/1.1: cookies are joined before they are measured, so many crumbs are one field")
    func limits() throws {
        let crumbs = (0..<300).map { ("cookie", "name\($0)=value") }
        #expect(try Self.read(Self.start + crumbs).lines.contains("name298=value; name299=value\r\n"))
        // 150 cookies of 200 bytes are one line of 30 000.
        let large = (0..<150).map { ("cookie", "name\($0)=" + String(repeating: "v", count: 192)) }
        #expect(throws: HTTPViolation.lineTooLong) { try Self.read(Self.start + large) }
        var limits = ProxyLimits()
        limits.lineBytes = 40_000
        limits.headBytes = 64_000
        #expect(try Self.read(Self.start + large, limits: limits).lines.utf8.count > 30_000)
        #expect(throws: HTTPViolation.lineTooLong) { try Self.read(Self.start + [("x", String(repeating: "a", count: 40_000))]) }
        let many = (0..<20).map { ("x-\($0)", String(repeating: "a", count: 2000)) }
        #expect(throws: HTTPViolation.headTooLarge) { try Self.read(Self.start + many) }
        #expect(throws: HTTPViolation.tooManyFields) { try Self.read(Self.start + (0..<200).map { ("x-\($0)", "a") }) }
    }

    @Test(
        "a priority is read as RFC 9218 says, and what has no meaning in it is ignored",
        arguments: [
            ("u=0", 0, false), ("u=5, i", 5, true), ("i", 3, true), ("i=?1,u=1", 1, true), ("u=1;foo=bar, i=?0", 1, false), ("u=8", 3, false),
            ("u=-1", 3, false), ("u=10", 3, false), ("x", 3, false), ("", 3, false), ("u=2, u=4", 4, false),
        ] as [(String, UInt32, Bool)])
    func priority(value: String, urgency: UInt32, isIncremental: Bool) throws {
        var expected = StreamPriority()
        expected.urgency = urgency
        expected.isIncremental = isIncremental
        #expect(try Self.read(Self.start + [("priority", value)]).priority == expected)
    }
}
