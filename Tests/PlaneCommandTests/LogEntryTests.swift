import PlaneClient
import PlaneClientTestSupport
import PlaneProtocol
import Testing

@testable import plane

@Suite("Log lines")
struct LogEntryTests {
    private static func entry(_ text: String, kind: BackendLogMessage.Kind = .stdout) throws -> LogEntry {
        LogEntry(BackendLogMessage(backendID: try .make("b1"), kind: kind, text: text))
    }

    @Test("lose Docker's timestamp and the line feed, and nothing else")
    func text() throws {
        let entry = try Self.entry("2024-03-11T09:15:31.100000001Z listening  on 8080\n")
        #expect(entry.text == "listening  on 8080")
        #expect(entry.time?.description == "2024-03-11T09:15:31.100000001Z")
        #expect(try Self.entry("no timestamp here\n\n").text == "no timestamp here\n")
        #expect(try Self.entry("Backend exit code: 2").time == nil)
        #expect(try Self.entry("").text == "")
    }

    @Test("go where they came from, and the agent's remarks are marked")
    func streams() throws {
        let recorder = ConsoleRecorder()
        let console = recorder.console()
        try Self.entry("2024-03-11T09:15:31Z out\n").print(timestamps: true, console)
        try Self.entry("err\n", kind: .stderr).print(timestamps: true, console)
        try Self.entry("exit code 2", kind: .meta).print(timestamps: false, console)
        #expect(recorder.out == "2024-03-11T09:15:31Z out\n")
        #expect(recorder.error == "err\n[plane] exit code 2\n")
    }

    @Test("come out byte by byte: a long line in one, a carriage return kept, no line feed that the backend did not write")
    func exactBytes() throws {
        let recorder = ConsoleRecorder()
        let console = recorder.console()
        let stamp = "2024-03-11T09:15:31Z "
        try Self.entry(stamp + "{\"a\":").print(timestamps: true, console)
        try Self.entry(stamp + "1}\r\n").print(timestamps: true, continuesLine: true, console)
        try Self.entry(stamp + "\u{2028}").print(timestamps: false, console)
        #expect(recorder.out == stamp + "{\"a\":1}\r\n\u{2028}")
        #expect(String(decoding: WireCodec.encode(try Self.entry("part")), as: UTF8.self).contains(#""continues":true"#))
    }

    @Test("are JSON with kind, time and text")
    func json() throws {
        let json = String(decoding: WireCodec.encode(try Self.entry("2024-03-11T09:15:31Z a\"b\n")), as: UTF8.self)
        #expect(json == #"{"kind":"Stdout","time":"2024-03-11T09:15:31Z","text":"a\"b"}"#)
    }
}
