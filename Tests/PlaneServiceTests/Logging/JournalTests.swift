import Foundation
import Logging
import LogKeys
import PlaneProtocol
import PlaneTestSupport
import Testing

@testable import PlaneService

@Suite("The journal") struct JournalTests {
    private func record(_ message: String, _ metadata: Logger.Metadata = [:]) -> LogRecord {
        LogRecord(
            time: WireTime(seconds: 0, nanoseconds: 0), level: .warning, label: "scheduler", message: message, metadata: metadata,
            source: "SchedulerCore", file: "A.swift", line: 7)
    }

    @Test("an event is a sentence for people, and a field of its own for each datum")
    func fields() {
        let entry = self.record("drone is silent", [LogKey.drone: "drone-a", "odd key": "1"]).journalEntry(identifier: "scheduler")
        #expect(
            String(decoding: entry, as: UTF8.self) == """
                MESSAGE=drone is silent drone=drone-a odd key=1
                PRIORITY=4
                SYSLOG_IDENTIFIER=scheduler
                CODE_FILE=A.swift
                CODE_LINE=7
                PLANE_DRONE=drone-a
                PLANE_ODD_KEY=1

                """)
    }

    @Test("a line feed in a value begins no new field")
    func lineFeeds() {
        let entry = self.record("m", [LogKey.error: "a\nPRIORITY=0"]).journalEntry(identifier: "x")
        let expected = Array("PLANE_ERROR\n".utf8) + [12, 0, 0, 0, 0, 0, 0, 0] + Array("a\nPRIORITY=0\n".utf8)
        #expect(Array(entry.suffix(expected.count)) == expected)
    }

    @Test("what the journal is sent arrives there, and nothing on standard error")
    func sends() throws {
        let directory = try TemporaryDirectory()
        let receiver = try DatagramReceiver(path: directory.file("socket"))
        let lines = ServiceLogHandlerTests.Lines(journalPath: directory.file("socket"))
        lines.logger(.journal).error("hello", metadata: [LogKey.backend: "b1"])
        #expect(receiver.receive().contains("PLANE_BACKEND=b1\n"))
        #expect(lines.last.isEmpty)
    }

    @Test("without a journal events are written as text")
    func fallsBack() {
        let lines = ServiceLogHandlerTests.Lines(journalPath: "/nonexistent/socket")
        lines.logger(.journal).error("hello")
        #expect(lines.last.hasSuffix("error scheduler: hello\n"))
    }
}
