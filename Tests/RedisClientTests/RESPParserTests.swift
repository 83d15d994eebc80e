import NIOCore
import RedisClient
import Testing

@Suite("Reading what Redis says")
struct RESPParserTests {
    private static func values(_ text: String, piece: Int = .max, limits: RESPParser.Limits = RESPParser.Limits()) throws -> [RedisValue] {
        var parser = RESPParser(limits: limits)
        var buffer = ByteBuffer()
        var rest = Array(text.utf8)[...]
        var values: [RedisValue] = []
        while !rest.isEmpty {
            buffer.writeBytes(rest.prefix(piece))
            rest = rest.dropFirst(piece)
            while let value = try parser.next(&buffer) { values.append(value) }
        }
        #expect(buffer.readableBytes == 0)
        return values
    }

    private static func bulk(_ text: String) -> RedisValue { .bulk(Array(text.utf8)) }

    private static let conversation =
        "+OK\r\n-WRONGTYPE no list\r\n:-42\r\n$3\r\na\r\n\r\n$0\r\n\r\n$-1\r\n*-1\r\n*0\r\n*3\r\n$1\r\nx\r\n*2\r\n:1\r\n:2\r\n+y\r\n"

    private static let said: [RedisValue] = [
        .text(Array("OK".utf8)), .error("WRONGTYPE no list"), .integer(-42), bulk("a\r\n"), bulk(""), .null, .null, .array([]),
        .array([bulk("x"), .array([.integer(1), .integer(2)]), .text(Array("y".utf8))]),
    ]

    @Test("every kind of reply is read, in whatever pieces it comes", arguments: [1, 2, 3, 7, 64, Int.max])
    func pieces(piece: Int) throws {
        #expect(try Self.values(Self.conversation, piece: piece) == Self.said)
    }

    @Test("what a server says in version 3 of the protocol is read as well, in whatever pieces it comes", arguments: [1, 3, Int.max])
    func version3(piece: Int) throws {
        let text =
            "%2\r\n+server\r\n$5\r\nredis\r\n+modules\r\n*0\r\n~2\r\n$1\r\n0\r\n$1\r\n1\r\n_\r\n#t\r\n,1.5\r\n(12345678901234567890\r\n=5\r\ntxt:x\r\n"
            + ">2\r\n+invalidate\r\n*1\r\n$5\r\nlists\r\n~0\r\n"
        #expect(
            try Self.values(text, piece: piece) == [
                .array([.text(Array("server".utf8)), Self.bulk("redis"), .text(Array("modules".utf8)), .array([])]),
                .array([Self.bulk("0"), Self.bulk("1")]), .null, .integer(1), .text(Array("1.5".utf8)), .text(Array("12345678901234567890".utf8)),
                Self.bulk("txt:x"), .push([.text(Array("invalidate".utf8)), .array([Self.bulk("lists")])]), .array([]),
            ])
    }

    @Test("a push that is too large is still a push, so that the answer behind it is not taken for that of another command", arguments: [1, 5, Int.max])
    func oversizedPush(piece: Int) throws {
        var limits = RESPParser.Limits()
        limits.keptBytes = 8
        let push = ">2\r\n+invalidate\r\n*2\r\n$9\r\n123456789\r\n$1\r\na\r\n"
        #expect(try Self.values("\(push):1\r\n", piece: piece, limits: limits) == [.push([]), .integer(1)])
        #expect(RedisInvalidation(push: []) == .everything)
    }

    @Test("a message says which keys have changed, all of them, or something else")
    func invalidations() {
        let kind = RedisValue.bulk(Array("invalidate".utf8))
        #expect(RedisInvalidation(push: [kind, .array([Self.bulk("a"), Self.bulk("b")])]) == .keys([Array("a".utf8), Array("b".utf8)]))
        for keys: RedisValue in [.null, .array([]), .array([.integer(1)]), .integer(1)] { #expect(RedisInvalidation(push: [kind, keys]) == .everything) }
        #expect(RedisInvalidation(push: [kind]) == .everything)
        #expect(RedisInvalidation(push: [Self.bulk("message"), Self.bulk("x")]) == nil)
    }

    @Test("a reply that is cut off is none yet, at every length")
    func cutOff() throws {
        let reply = Array("*2\r\n$3\r\nabc\r\n:7\r\n".utf8)
        for length in 0..<reply.count {
            var parser = RESPParser()
            var buffer = ByteBuffer(bytes: reply.prefix(length))
            #expect(try parser.next(&buffer) == nil)
            buffer.writeBytes(reply.dropFirst(length))
            #expect(try parser.next(&buffer) == .array([Self.bulk("abc"), .integer(7)]))
        }
    }

    @Test(
        "what is no reply is an error, and nobody looks for the next one",
        arguments: [
            "?\r\n", "$x\r\n", "$-2\r\n", "*99999999999\r\n", ":1a\r\n", "+no end\n", "$1\r\nab\r\n", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n",
            "*1\r\n>1\r\n", ">-1\r\n", "$\r\n", ":-\r\n", ":9223372036854775808\r\n", "|1\r\n",
        ])
    func nonsense(text: String) {
        var parser = RESPParser()
        var buffer = ByteBuffer(string: text)
        #expect(throws: RESPParser.Violation.self) { while try parser.next(&buffer) != nil {} }
    }

    @Test("a reply that is too large is read past, and the next one is understood", arguments: [1, 5, Int.max])
    func oversized(piece: Int) throws {
        var limits = RESPParser.Limits()
        limits.keptBytes = 8
        let large = "*3\r\n$4\r\nabcd\r\n$9\r\n123456789\r\n$2\r\nef\r\n"
        #expect(
            try Self.values("\(large)+OK\r\n$9\r\n123456789\r\n:1\r\n", piece: piece, limits: limits) == [
                .oversized, .text(Array("OK".utf8)), .oversized, .integer(1),
            ])
        limits.keptElements = 3
        #expect(try Self.values("*4\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n", piece: piece, limits: limits) == [.oversized, .integer(5)])
    }

    @Test("a reply without end is given up, and a line without end too")
    func endless() {
        var limits = RESPParser.Limits()
        limits.keptBytes = 8
        limits.readBytes = 100
        #expect(throws: RESPParser.Violation.self) { try Self.values("*2\r\n$90\r\n\(String(repeating: "x", count: 90))\r\n$90\r\n", limits: limits) }
        limits.lineBytes = 16
        #expect(throws: RESPParser.Violation.self) { try Self.values("+\(String(repeating: "x", count: 32))", limits: limits) }
    }

    @Test("random bytes end in replies or in an error, and never in anything else")
    func randomBytes() {
        var generator = SystemRandomNumberGenerator()
        let alphabet = Array("*$+-:~%>_0123456789\r\nab".utf8) + [0, 255]
        for _ in 0..<20_000 {
            var parser = RESPParser()
            let count = Int.random(in: 1..<40, using: &generator)
            var buffer = ByteBuffer(bytes: (0..<count).map { _ in alphabet.randomElement(using: &generator) ?? 0 })
            let before = buffer.readableBytes
            do { while try parser.next(&buffer) != nil {} } catch { #expect(!error.problem.isEmpty) }
            #expect(buffer.readableBytes <= before)
        }
    }
}
