import NIOCore
import NIOHPACK
import Testing

@testable import ProxyCore

@Suite("A request of HTTP/2 as HTTP/1.1")
struct HTTP2RequestWriterTests {
    private static let start: [(String, String)] = [
        (":method", "GET"), (":scheme", "https"), (":authority", "b-1.plane.test"), (":path", "/a?b=c"),
    ]

    private static func text(_ fields: [(String, String)], endsStream: Bool = true) throws(HTTPViolation) -> String {
        String(buffer: try HTTP2RequestWriter.head(HPACKHeaders(fields), endsStream: endsStream).bytes)
    }

    /// The good request with one field replaced.
    private static func replacing(_ name: String, by value: String?) -> [(String, String)] {
        Self.start.compactMap { $0.0 == name ? value.map { (name, $0) } : $0 }
    }

    @Test("P16: the authority becomes the Host, once; cookies become one field")
    func good() throws {
        let fields = Self.start + [("host", "b-1.plane.test"), ("cookie", "a=1"), ("x", "y"), ("cookie", "b=2"), ("te", "trailers")]
        #expect(try Self.text(fields) == "GET /a?b=c HTTP/1.1\r\nHost: b-1.plane.test\r\nx: y\r\nCookie: a=1; b=2\r\n\r\n")
    }

    @Test("P16: without an authority the Host field counts")
    func hostOnly() throws {
        let fields = Self.replacing(":authority", by: nil) + [("host", "b-1.plane.test")]
        #expect(try Self.text(fields).hasPrefix("GET /a?b=c HTTP/1.1\r\nHost: b-1.plane.test\r\n"))
    }

    @Test("a body has the length that is told, or chunks; no body has neither")
    func framing() throws {
        #expect(try !Self.text(Self.start).contains("Transfer-Encoding"))
        #expect(try Self.text(Self.start, endsStream: false).hasSuffix("\r\nTransfer-Encoding: chunked\r\n\r\n"))
        let known = try Self.text(Self.start + [("content-length", "3")], endsStream: false)
        #expect(known.hasSuffix("\r\nContent-Length: 3\r\n\r\n"))
        #expect(!known.contains("Transfer-Encoding"))
    }

    @Test("trailers stand behind the last chunk; what would be another request there is refused")
    func trailers() throws {
        #expect(try String(buffer: HTTP2RequestWriter.end([:])) == "0\r\n\r\n")
        #expect(try String(buffer: HTTP2RequestWriter.end(["a": "b", "c": ""])) == "0\r\na: b\r\nc: \r\n\r\n")
        for (name, value) in [(":path", "/"), ("a", "b\r\n\r\nGET / HTTP/1.1"), ("a\r\nb", "c"), ("a", "\n"), ("A", "b"), ("a", " b"), ("", "b"), ("a b", "c")]
        {
            #expect(throws: HTTPViolation.self, "\(name)") { try HTTP2RequestWriter.end(HPACKHeaders([(name, value)])) }
        }
    }

    @Test(
        "what would be another request in HTTP/1.1 is refused: bytes",
        arguments: [
            (":path", "/ HTTP/1.1\r\nHost: evil"), (":path", "/ HTTP/1.1"), (":path", "/\n"), (":path", "/#a"), (":path", ""), (":path", "a"),
            (":path", "*"), (":method", "GET / HTTP/1.1\r\nx:"), (":method", "G ET"), (":method", ""), (":method", "CONNECT"),
            (":authority", "a\r\nx: y"), (":scheme", "http"), (":scheme", "https\r\n"), (":authority", " b-1.plane.test"),
        ])
    func pseudoFields(name: String, value: String) {
        #expect(throws: HTTPViolation.self) { try Self.text(Self.replacing(name, by: value)) }
    }

    @Test("what HTTP/1.1 would need is refused when it is missing", arguments: [":method", ":scheme", ":path", ":authority"])
    func missing(name: String) {
        #expect(throws: HTTPViolation.self) { try Self.text(Self.replacing(name, by: nil)) }
    }

    @Test(
        "what would be another request in HTTP/1.1 is refused: fields",
        arguments: [
            ("transfer-encoding", "chunked"), ("connection", "close"), ("upgrade", "websocket"), ("keep-alive", "1"), ("proxy-connection", "x"),
            ("te", "chunked"), ("x", "a\r\nb: c"), ("x", "a\nb"), ("x", "a\0"), ("x", " a"), ("x", "a\t"), ("X", "a"), ("x y", "a"), ("x:", "a"),
            ("x\r\ny", "a"), ("", "a"), (":protocol", "websocket"), (":status", "200"), (":path", "/b"), ("host", "other.plane.test"),
            ("content-length", "3"),
        ])
    func fields(name: String, value: String) {
        #expect(throws: HTTPViolation.self) { try Self.text(Self.start + [(name, value)]) }
    }

    @Test("h2.CL: a stream may hold neither more nor less than its head says", arguments: [0, 2, 3, 4, 9])
    func length(count: Int) throws {
        let fields = HPACKHeaders(Self.start + [("content-length", "3")])
        var body = try HTTP2RequestWriter.head(fields, endsStream: false).body
        #expect(!body.isChunked)
        if count > 3 {
            #expect(throws: HTTPViolation.bodyContradictsLength) { try body.take(count) }
        } else {
            try body.take(count)
            if count == 3 { try body.end() } else { #expect(throws: HTTPViolation.bodyContradictsLength) { try body.end() } }
        }
    }

    @Test("a length that is no number is refused", arguments: ["-1", "+3", "3,3", "0x3", "3.0", "18446744073709551616"])
    func oddLength(value: String) {
        #expect(throws: HTTPViolation.malformedContentLength) {
            try Self.text(Self.start + [("content-length", value)], endsStream: false)
        }
    }

    @Test("two lengths, or two hosts, are refused")
    func twice() {
        #expect(throws: HTTPViolation.self) {
            try Self.text(Self.start + [("content-length", "3"), ("content-length", "3")], endsStream: false)
        }
        #expect(throws: HTTPViolation.self) { try Self.text(Self.start + [("host", "b-1.plane.test"), ("host", "b-1.plane.test")]) }
    }
}
