import JSONValues
import Logging
import LogKeys
import PlaneProtocol
import Testing

@testable import PlaneService

@Suite("The log feed", .timeLimit(.minutes(10))) struct LogFeedTests {
    @Test("an event is told as the older software does, with values that are JSON embedded as such")
    func message() throws {
        let lines = ServiceLogHandlerTests.Lines()
        lines.feed.open(as: .drone(try #require(DroneID(rawValue: "drone-a"))))
        lines.logger(.text).warning("Container is up", metadata: [LogKey.backend: "b1", LogKey.count: "3"])
        let message = try #require(lines.feed.drain().first)
        #expect(message.subject == "logs.drone.drone-a")
        #expect(message.severity == .warn)
        #expect(message.target == "scheduler")
        #expect(message.fields["message"] == .string("Container is up"))
        #expect(message.fields["backend"] == .string("b1"))
        #expect(message.fields["count"] == .number(JSONNumber(3)))
    }

    @Test("what the NATS library says is not sent over NATS, and a feed nobody asked for keeps nothing")
    func noFeedback() {
        let lines = ServiceLogHandlerTests.Lines()
        lines.logger(.text).info("before it was opened")
        lines.feed.open(as: .controller)
        lines.logger(.text).log(level: .error, "reconnecting", source: "NATS")
        #expect(lines.feed.drain().isEmpty)
    }

    @Test("events that come faster than they are sent are dropped, and the number is told")
    func bounded() {
        let lines = ServiceLogHandlerTests.Lines()
        lines.feed.open(as: .controller)
        for _ in 0..<LogFeed.limit + 5 { lines.logger(.text).info("again") }
        let messages = lines.feed.drain()
        #expect(messages.count == LogFeed.limit + 1)
        #expect(messages.last?.fields["count"] == .string("5"))
        #expect(lines.feed.drain().isEmpty)
    }
}
