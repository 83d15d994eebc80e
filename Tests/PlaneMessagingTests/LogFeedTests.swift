import JSONValues
import Logging
import NATS
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneTestSupport
import Testing

@Suite("The log feed over NATS", .timeLimit(.minutes(10))) struct LogFeedTests {
    @Test("whoever listens on logs.> hears what is logged, and what was logged before the connection too")
    func overNATS() async throws {
        try await withNATSServer { server in
            let connection = try await NATSConnection.connect(NATSOptions(servers: [server.url]), logger: Logger(label: "test"))
            let subscription = try connection.subscribe("logs.>")
            let feed = LogFeed()
            feed.open(as: .controller)
            let logger = Logger(label: "scheduler") { label in
                ServiceLogHandler(label: label, level: .info, sink: LogSink(LogConfiguration()) { _ in }, feed: feed, readiness: Readiness(isAwaited: false) {})
            }
            logger.info("starting")
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await feed.run(over: connection) }
                var arrived = subscription.makeAsyncIterator()
                let first = try #require(await arrived.next())
                #expect(first.subject == "logs.controller")
                let message = try WireCodec.decode(LogMessage.self, from: first.payload, subject: first.subject)
                #expect(message.fields["message"] == .string("starting"))
                group.cancelAll()
            }
            await connection.drain(timeout: .seconds(1))
        }
    }
}
