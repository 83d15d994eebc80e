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
        let alphabet = Array("*$+-:0123456789\r\nab".utf8) + [0, 255]
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
