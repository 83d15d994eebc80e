@testable import DockerEngine
import NIOCore
import Testing
import UTCTime

@Suite("A log stream")
struct LogDecoderTests {
    private static let time = "2024-03-11T09:15:31.100000001Z"
    private static let moment = UTCInstant(engine: Self.time)

    private static func frame(_ source: UInt8, _ text: String) -> [UInt8] { Self.frame(source, Array(text.utf8)) }

    private static func frame(_ source: UInt8, _ text: [UInt8]) -> [UInt8] {
        let length = UInt32(text.count)
        return [source, 0, 0, 0] + (0..<4).map { UInt8(truncatingIfNeeded: length >> (24 - 8 * $0)) } + text
    }

    /// Feeds the bytes in portions of `size`.
    private static func lines(_ bytes: [UInt8], hasTerminal: Bool = false, portions size: Int = .max) throws -> [LogLine] {
        var decoder = LogDecoder(hasTerminal: hasTerminal)
        var lines: [LogLine] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            lines += try decoder.feed(ByteBuffer(bytes: rest.prefix(size)))
            rest = rest.dropFirst(size)
        }
        return try lines + decoder.finish()
    }

    @Test("is told apart by source, with the time split off, in whatever portions it comes", arguments: [1, 2, 3, 7, 8, 9, .max])
    func frames(portion: Int) throws {
        let bytes =
            Self.frame(1, "\(Self.time) listening\n") + Self.frame(2, "\(Self.time) careful\n") + Self.frame(0, "\(Self.time) \n")
        #expect(
            try Self.lines(bytes, portions: portion) == [
                LogLine(source: .standardOutput, time: Self.moment, text: "listening", isComplete: true),
                LogLine(source: .standardError, time: Self.moment, text: "careful", isComplete: true),
                LogLine(source: .standardOutput, time: Self.moment, text: "", isComplete: true),
            ])
    }

    @Test("joins the pieces of a long line and keeps the time of the first (A21)")
    func pieces() throws {
        let bytes =
            Self.frame(1, "\(Self.time) one ") + Self.frame(2, "\(Self.time) other\n")
            + Self.frame(1, "2024-03-11T09:15:32Z two ") + Self.frame(1, "2024-03-11T09:15:33Z three\n")
        #expect(
            try Self.lines(bytes) == [
                LogLine(source: .standardError, time: Self.moment, text: "other", isComplete: true),
                LogLine(source: .standardOutput, time: Self.moment, text: "one two three", isComplete: true),
            ])
    }

    @Test("keeps what is not UTF-8, marked (A21)")
    func notUTF8() throws {
        let bytes = Self.frame(1, Array("\(Self.time) a".utf8) + [0xFF, 0xFE] + Array("b\n".utf8))
        #expect(try Self.lines(bytes).map(\.text) == ["a\u{FFFD}\u{FFFD}b"])
    }

    @Test("delivers a line longer than it holds in parts which say so")
    func longLine() throws {
        let text = String(repeating: "x", count: LineAssembler.lengthLimit) + "yz"
        let lines = try Self.lines(Self.frame(1, "\(Self.time) \(text)\n"))
        #expect(lines.map(\.isComplete) == [false, true])
        #expect(lines.map(\.text).joined() == text)
        #expect(lines.allSatisfy { $0.time == Self.moment })
    }

    @Test("gives back every byte of a long line, with characters that lie across the places where it is cut", arguments: [0, 1, 2, 3])
    func exactBytes(shift: Int) throws {
        let text = String(repeating: "a", count: shift) + String(repeating: "é€😀\r", count: 30_000)
        let lines = try Self.lines(Self.frame(1, "\(Self.time) \(text)\n"))
        #expect(lines.count > 4)
        #expect(lines.map(\.isComplete) == Array(repeating: false, count: lines.count - 1) + [true])
        #expect(lines.map(\.text).joined() == text)
        #expect(lines.allSatisfy { $0.text.utf8.count <= LineAssembler.lengthLimit })
    }

    @Test("says of a last line that it has no end")
    func lastLine() throws {
        #expect(try Self.lines(Self.frame(1, "\(Self.time) one\r\n") + Self.frame(1, "\(Self.time) two")).map(\.isComplete) == [true, false])
        #expect(try Self.lines(Self.frame(1, "\(Self.time) one\r\n")).map(\.text) == ["one\r"])
    }

    @Test("delivers a last line without an end, and what came of a frame that broke off", arguments: [1, 12])
    func brokenOff(missing: Int) throws {
        let whole = Self.frame(1, "\(Self.time) last words")
        let line = try #require(try Self.lines(whole.dropLast(missing)).first)
        #expect("last words".hasPrefix(line.text) || line.text == Self.time.prefix(line.text.count))
    }

    @Test("of a terminal is lines without frames")
    func terminal() throws {
        let bytes = Array("\(Self.time) $ ls\r\nno time here\r\n\(Self.time) end".utf8)
        for portion in [1, 5, Int.max] {
            #expect(
                try Self.lines(bytes, hasTerminal: true, portions: portion) == [
                    LogLine(source: .standardOutput, time: Self.moment, text: "$ ls", isComplete: true),
                    LogLine(source: .standardOutput, time: nil, text: "no time here", isComplete: true),
                    LogLine(source: .standardOutput, time: Self.moment, text: "end", isComplete: false),
                ])
        }
    }

    @Test("that is none is refused, and the daemon's own failure is told")
    func malformed() {
        #expect(throws: StreamError.self) { try Self.lines(Array("HTTP/1.1 200 OK".utf8)) }
        #expect(throws: StreamError.daemonFailed("log driver gone")) { try Self.lines(Self.frame(3, "log driver gone")) }
    }

    @Test("never traps, whatever comes")
    func noise() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2_000 {
            let noise = (0..<Int.random(in: 0...64, using: &generator)).map { _ in
                Bool.random(using: &generator) ? UInt8.random(in: 0...3, using: &generator) : UInt8.random(in: 0...255, using: &generator)
            }
            for hasTerminal in [true, false] {
                // Refusing is as good as reading; only a crash is a failure.
                _ = try? Self.lines(noise, hasTerminal: hasTerminal, portions: 5)
            }
        }
    }
}
