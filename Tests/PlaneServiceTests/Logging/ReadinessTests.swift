import Logging
import PlaneService
import Synchronization
import Testing

@Suite("Readiness") struct ReadinessTests {
    /// How often systemd was told.
    private final class Told: Sendable {
        let count = Mutex(0)
    }

    private func service(level: Logger.Level, awaited: Bool = true) -> (ServiceLogHandlerTests.Lines, Logger, Told) {
        let told = Told()
        let lines = ServiceLogHandlerTests.Lines(readiness: Readiness(isAwaited: awaited) { told.count.withLock { $0 += 1 } })
        return (lines, lines.logger(.text, level: level), told)
    }

    @Test("systemd is told once, when the service says that it is ready")
    func once() {
        let (_, logger, told) = self.service(level: .info)
        logger.info("starting")
        logger.info("another is ready")
        #expect(told.count.withLock { $0 } == 0)
        logger.info("scheduler is ready")
        logger.info("scheduler is ready")
        #expect(told.count.withLock { $0 } == 1)
    }

    @Test("it is told even where the log is configured to say less, and the log still says less")
    func quietLog() {
        let (lines, logger, told) = self.service(level: .error)
        logger.info("scheduler is ready")
        #expect(told.count.withLock { $0 } == 1)
        #expect(lines.last.isEmpty)
        #expect(logger.logLevel == .error)
    }
}
