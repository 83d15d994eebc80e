import DroneStore
import Logging
import LogKeys
import PlaneProtocol
import PlaneService
import Timing

/// Passes one backend's output on, line by line, in order, each line once.
actor LogPump {
    private let backend: BackendID
    private let feeds: any EngineFeeds
    private let cursors: LogCursors
    private let publish: @Sendable (BackendLogMessage) -> Void
    private let logger: Logger
    private var cursor: WireTime?
    /// Reasons why the log could not be read, so that each is reported once.
    private var loggedReasons: Set<String> = []
    /// How many reasons are remembered; after so many, new ones are not reported.
    private static let reasonLimit = 8

    /// Limits what is passed on; nil passes everything on.
    private var allowance: LogAllowance?
    /// The lines that were dropped because the backend has printed more than its allowance, and whether all of them were counted.
    private var gap: Gap?
    private let uptime: @Sendable () -> Duration

    private struct Gap {
        var endsAt: Duration
        var lines = 0
        var isCounted = true
    }

    init(
        of backend: BackendID, from feeds: any EngineFeeds, after cursor: WireTime?, cursors: LogCursors, allowance: LogAllowance? = nil,
        uptime: @escaping @Sendable () -> Duration, publish: @escaping @Sendable (BackendLogMessage) -> Void, logger: Logger
    ) {
        self.allowance = allowance
        self.uptime = uptime
        self.backend = backend
        self.feeds = feeds
        self.cursors = cursors
        self.publish = publish
        self.logger = logger
        self.cursor = cursor
    }

    /// Follows the container's output until cancelled. If the stream breaks off, for instance when Docker restarts, it is opened again.
    func follow(_ container: ContainerHandle, sleep: @escaping @Sendable (Duration) async throws -> Void) async {
        var failures = 0
        var onlyNew = false
        while !Task.isCancelled {
            let before = self.cursor
            onlyNew = await self.passOn(container, onlyNew: onlyNew, sleep: sleep)
            if onlyNew {
                // During a gap whose lines are no longer counted, nothing is read, so a very noisy backend costs this agent nothing.
                if let pause = self.gap.map({ $0.endsAt - self.uptime() }), pause > .zero {
                    guard (try? await sleep(pause)) != nil else { return }
                }
                self.endGap(isOver: true)
                continue
            }
            failures = self.cursor == before ? failures + 1 : 1
            // Pauses even after an orderly end: the container has ended, and the machine will learn of that and cancel this.
            guard (try? await sleep(RetrySchedule.engine.pause(after: failures))) != nil else { return }
        }
    }

    /// Passes on the rest of an ended container's output.
    func drain(_ container: ContainerHandle) async {
        _ = await self.passOn(container, onlyNew: self.gap?.isCounted == false)
        self.endGap(isOver: true)
    }

    /// Adds a line that the agent itself writes.
    func add(note: String?) {
        guard let note else { return }
        self.publish(BackendLogMessage(backendID: self.backend, kind: .meta, text: note))
    }

    /// Reads from the position that was reached, or from now, to the end, or until there was more than is counted. What came before a stream broke has been
    /// passed on.
    /// - Parameter sleep: nil where the output ends by itself, and nothing waits for the end of a gap.
    /// - Returns: Whether there was more than is counted.
    private func passOn(
        _ container: ContainerHandle, onlyNew: Bool, sleep: (@Sendable (Duration) async throws -> Void)? = nil
    ) async -> Bool {
        let (news, reportNews) = AsyncStream.makeStream(of: GapNotice.self)
        return await withTaskGroup(of: Void.self, returning: Bool.self) { group in
            var isCut = false
            group.addTask {
                await self.read(container, onlyNew: onlyNew) { reportNews.yield($0) }
                reportNews.finish()
            }
            for await event in news {
                switch event {
                case .began(let pause):
                    guard let sleep else { continue }
                    // The end of the gap is reported on time even if the backend prints nothing more.
                    group.addTask { if (try? await sleep(pause)) != nil { await self.endGap(isOver: false) } }
                case .uncounted:
                    isCut = true
                    group.cancelAll()
                }
            }
            group.cancelAll()
            return isCut
        }
    }

    private enum GapNotice: Sendable {
        case began(pause: Duration)
        case uncounted
    }

    private func read(_ container: ContainerHandle, onlyNew: Bool, _ tell: @escaping @Sendable (GapNotice) -> Void) async {
        do throws(BackendEngineError) {
            try await self.feeds.readLog(of: container, after: self.cursor, onlyNew: onlyNew) { chunk in
                guard let news = await self.passOn(chunk) else { return }
                tell(news)
                // Stops reading: waits here until this task is cancelled.
                if case .uncounted = news { for await _ in AsyncStream<Never>.makeStream().stream {} }
            }
        } catch {
            // The reason is logged; the caller decides whether to try again.
            if !Task.isCancelled { self.tell(error) }
        }
    }

    /// Reports the reason in the agent's log and in the backend's own, where somebody may look for the missing lines.
    private func tell(_ failure: BackendEngineError) {
        guard self.loggedReasons.count < Self.reasonLimit, self.loggedReasons.insert(failure.message).inserted else { return }
        self.logger.warning("the backend's log cannot be read", metadata: [LogKey.error: "\(failure)"])
        self.add(note: "The log cannot be read: \(failure.message)")
    }

    /// Writes into the backend's log how many lines are missing. A gap that was not read to its end is reported when the pause is over.
    private func endGap(isOver: Bool) {
        guard let gap = self.gap, isOver || self.uptime() >= gap.endsAt else { return }
        self.gap = nil
        guard gap.lines > 0, let allowance else { return }
        let lines = gap.lines == 1 ? "1 line was dropped" : "\(gap.lines) lines\(gap.isCounted ? "" : " or more") were dropped"
        self.add(note: "\(lines): this drone passes on \(allowance.linesPerSecond) a second of one backend (agent.docker.limits.log_lines_per_sec).")
    }

    private func passOn(_ chunk: LogChunk) -> GapNotice? {
        if let time = chunk.time {
            self.cursor = time
            self.cursors.advance(self.backend, to: time)
        }
        self.endGap(isOver: false)
        let isFirst = self.gap == nil
        guard !self.drops(chunk) else {
            if isFirst { return .began(pause: LogAllowance.pause) }
            return self.gap?.isCounted == false ? .uncounted : nil
        }
        let kind: BackendLogMessage.Kind = chunk.stream == .stdout ? .stdout : .stderr
        self.publish(BackendLogMessage(backendID: self.backend, kind: kind, text: chunk.text))
        return nil
    }

    /// Whether the line exceeds the allowance. Such a line is counted, up to the limit.
    private func drops(_ chunk: LogChunk) -> Bool {
        guard var allowance else { return false }
        if self.gap == nil {
            let now = self.uptime()
            let passes = allowance.admits(bytes: chunk.text.utf8.count, at: now)
            self.allowance = allowance
            if passes { return false }
            self.gap = Gap(endsAt: now + LogAllowance.pause)
        }
        self.gap?.lines += 1
        if let lines = self.gap?.lines, lines >= allowance.countedLines { self.gap?.isCounted = false }
        return true
    }
}
