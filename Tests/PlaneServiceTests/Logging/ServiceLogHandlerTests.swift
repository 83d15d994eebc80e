import Logging
import LogKeys
import PlaneService
import Synchronization
import Testing

@Suite("Log lines") struct ServiceLogHandlerTests {
    /// What a logger wrote.
    final class Lines: Sendable {
        let all = Mutex<[String]>([])
        let feed = LogFeed()
        let journalPath: String
        let readiness: Readiness

        init(journalPath: String = "/nonexistent", readiness: Readiness = Readiness(isAwaited: false) {}) {
            self.journalPath = journalPath
            self.readiness = readiness
        }

        var last: String { self.all.withLock { $0.last ?? "" } }

        func logger(_ format: LogConfiguration.Format, level: Logger.Level = .info) -> Logger {
            var configuration = LogConfiguration()
            configuration.format = format
            configuration.level = level
            let configured = configuration
            return Logger(label: "scheduler") { label in
                ServiceLogHandler(
                    label: label, level: configured.level,
                    sink: LogSink(configured, journalPath: self.journalPath) { bytes in
                        self.all.withLock { $0.append(String(decoding: bytes, as: UTF8.self)) }
                    }, feed: self.feed, readiness: self.readiness)
            }
        }
    }

    @Test("for people: one line with time, level, logger, message and metadata in order")
    func text() {
        let lines = Lines()
        lines.logger(.text).info("drone registered", metadata: [LogKey.drone: "drone-a", LogKey.cluster: "plane.test", LogKey.error: "two words"])
        #expect(lines.last.hasSuffix("Z info scheduler: drone registered cluster=plane.test drone=drone-a error=\"two words\"\n"))
    }

    @Test("for machines: one JSON object, in which metadata cannot hide the fields of the line")
    func json() {
        let lines = Lines()
        lines.logger(.json).warning("odd \"message\"", metadata: [LogKey.drone: "drone-a", "level": "forged"])
        #expect(lines.last.hasPrefix("{\"time\":\""))
        #expect(lines.last.hasSuffix(#"Z","level":"warning","logger":"scheduler","message":"odd \"message\"","drone":"drone-a","_level":"forged"}"# + "\n"))
    }

    @Test("a line feed in a value or message starts no new line", arguments: [LogConfiguration.Format.text, .json])
    func lineFeeds(format: LogConfiguration.Format) {
        let lines = Lines()
        lines.logger(format).error("a\nb", metadata: [LogKey.error: "c\nd"])
        #expect(lines.last.filter { $0 == "\n" }.count == 1)
    }

    @Test("what is below the level is not written")
    func level() {
        let lines = Lines()
        lines.logger(.text, level: .warning).info("quiet")
        #expect(lines.last.isEmpty)
    }

    @Test("the metadata of the logger and of the event come together, and the event wins")
    func merge() {
        let lines = Lines()
        var logger = lines.logger(.text)
        logger[metadataKey: LogKey.drone] = "a"
        logger[metadataKey: LogKey.cluster] = "c"
        logger.info("m", metadata: [LogKey.drone: "b"])
        #expect(lines.last.hasSuffix("m cluster=c drone=b\n"))
    }
}
