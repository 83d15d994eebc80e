import Testing

@testable import ProxyCore

@Suite("Following the framing of a body")
struct BodyReaderTests {
    /// What of `text` is content and what the reader says of its end, when the bytes come in pieces of `size`.
    private static func read(_ text: String, _ framing: BodyFraming, piece size: Int) throws(HTTPViolation) -> (content: String, rest: String?) {
        let bytes = Array(text.utf8)
        var reader = BodyReader(framing)
        var content: [UInt8] = []
        var position = 0
        var available = 0
        while true {
            switch try reader.next(bytes.span.extracting(0..<available), from: position, limits: ProxyLimits()) {
            case .payload(let count):
                content += bytes[position..<(position + count)]
                position += count
            case .framing(let count), .extensions(let count):
                position += count
            case .needsMore:
                if available == bytes.count { return (String(decoding: content, as: UTF8.self), nil) }
                available = min(available + size, bytes.count)
            case .ended:
                return (String(decoding: content, as: UTF8.self), String(decoding: bytes[position...], as: UTF8.self))
            }
        }
    }

    @Test("content and end are found, whole or byte by byte", arguments: [1, 2, 3, 7, 1000])
    func chunked(piece: Int) throws {
        let body = "4\r\nwiki\r\nA\r\n0123456789\r\n00\r\nA-Trailer: b\r\n\r\nGET /next"
        let result = try Self.read(body, .chunked, piece: piece)
        #expect(result.content == "wiki0123456789")
        #expect(result.rest == (piece == 1000 ? "GET /next" : String("GET /next".suffix(result.rest?.count ?? 0))))
    }

    @Test("a length ends where it says", arguments: [1, 3, 1000])
    func length(piece: Int) throws {
        let result = try Self.read("hello, next", .length(5), piece: piece)
        #expect(result.content == "hello")
    }

    @Test("no body ends before it begins", arguments: [BodyFraming.none, .length(0)])
    func none(framing: BodyFraming) throws {
        #expect(try Self.read("next", framing, piece: 4).rest == "next")
    }

    @Test("until the connection ends, everything is content")
    func untilClose() throws {
        let result = try Self.read("anything", .untilClose, piece: 3)
        #expect(result.content == "anything")
        #expect(result.rest == nil)
    }

    @Test(
        "chunk extensions that are well-formed are read over, whole or byte by byte",
        arguments: [
            ";a", ";a=b", ";a=\"b;c=\\\"d\"", ";a;b=c;d=\"\"", " ;a", "\t; a = b ;c\t=\t\"d e\"", ";chunk-signature=\(String(repeating: "0f", count: 32))",
            ";a=\(String(repeating: "b", count: 253))",
        ])
    func extensions(text: String) throws {
        for piece in [1, 3, 1000] {
            let result = try Self.read("4\(text)\r\nwiki\r\n0\(text)\r\nA-Trailer: b\r\n\r\n", .chunked, piece: piece)
            #expect(result.content == "wiki")
            #expect(result.rest == "")
        }
    }

    static let malformed: [(String, HTTPViolation)] = [
        ("4 \r\nwiki\r\n", .malformedChunkExtension),
        ("4\t\r\nwiki\r\n", .malformedChunkExtension),
        ("4 wiki\r\n", .malformedChunkExtension),
        ("4;\r\nwiki\r\n", .malformedChunkExtension),
        ("4;a;\r\nwiki\r\n", .malformedChunkExtension),
        ("4;;a\r\nwiki\r\n", .malformedChunkExtension),
        ("4;a \r\nwiki\r\n", .malformedChunkExtension),
        ("4;a=\r\nwiki\r\n", .malformedChunkExtension),
        ("4;=b\r\nwiki\r\n", .malformedChunkExtension),
        ("4;a b\r\nwiki\r\n", .malformedChunkExtension),
        ("4;a=b c\r\nwiki\r\n", .malformedChunkExtension),
        ("4;a=\"b\r\nwiki\r\n", .malformedChunkExtension),
        ("4;a=\"b\"c\r\nwiki\r\n", .malformedChunkExtension),
        ("4;a=\"b\\\r\n\"\r\nwiki\r\n", .malformedChunkExtension),
        ("4;a\nwiki\r\n", .malformedChunkExtension),
        ("4;a\rwiki\r\n", .malformedChunkExtension),
        ("4;a=\0\r\nwiki\r\n", .malformedChunkExtension),
        ("4;å\r\nwiki\r\n", .malformedChunkExtension),
        ("4;a=\(String(repeating: "b", count: 254))\r\nwiki\r\n", .malformedChunkExtension),
        ("4;a=\(String(repeating: "b", count: 10_000))", .malformedChunkExtension),
        ("4;a=\"\(String(repeating: "b", count: 10_000))", .malformedChunkExtension),
        ("4\(String(repeating: " ", count: 10_000))", .malformedChunkExtension),
        ("0;a\r\nContent-Length: 5\r\n\r\n", .forbiddenTrailer),
        ("0x4\r\nwiki\r\n", .malformedChunkSize),
        ("+4\r\nwiki\r\n", .malformedChunkSize),
        ("-1\r\n", .malformedChunkSize),
        ("\r\nwiki", .malformedChunkSize),
        ("g\r\n", .malformedChunkSize),
        ("4\nwiki\r\n", .malformedChunkSize),
        ("4\rwiki\r\n", .malformedChunkSize),
        ("FFFFFFFFFFFFFFFFF\r\n", .malformedChunkSize),
        ("0000000000000004\r\nwiki\r\n", .malformedChunkSize),
        ("4\r\nwikipedia\r\n", .malformedChunkEnd),
        ("4\r\nwiki\n0\r\n\r\n", .malformedChunkEnd),
        ("0\r\nA: b\n\r\n", .bareLineFeed),
        ("0\r\n\n", .bareLineFeed),
        ("0\r\n\rX", .malformedFieldName),
        ("0\r\nContent-Length: 5\r\n\r\n", .forbiddenTrailer),
        ("0\r\nTransfer-Encoding: chunked\r\n\r\n", .forbiddenTrailer),
        ("0\r\nHost: other\r\n\r\n", .forbiddenTrailer),
        ("0\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n", .forbiddenTrailer),
        ("0\r\nX-Real-IP: 1.2.3.4\r\n\r\n", .forbiddenTrailer),
        ("0\r\nSet-Cookie: a=b\r\n\r\n", .forbiddenTrailer),
        ("0\r\nAuthorization: Bearer x\r\n\r\n", .forbiddenTrailer),
        ("0\r\nno colon\r\n\r\n", .malformedFieldName),
        ("0\r\n A: folded\r\n\r\n", .foldedField),
        ("0\r\nA: b\0\r\n\r\n", .malformedFieldValue),
        ("0\r\n\(String(repeating: "A: b\r\n", count: 200))\r\n", .trailersTooLarge),
        ("0\r\nA: \(String(repeating: "b", count: 20_000))", .lineTooLong),
    ]

    @Test("is refused, whole or byte by byte", arguments: Self.malformed)
    func refused(body: String, violation: HTTPViolation) {
        #expect(throws: violation) { try Self.read(body, .chunked, piece: 100_000) }
        #expect(throws: violation) { try Self.read(body, .chunked, piece: 1) }
    }
}
