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
    /// Why the log could not be read, each reason told once.
    private var toldReasons: Set<String> = []
    /// Reasons remembered; an engine that always finds another word is not listened to for ever.
    private static let reasonLimit = 8

    /// nil passes everything on.
    private var allowance: LogAllowance?
    /// Of a backend that has printed more than its allowance: lines since then that nobody was told, and whether they are all of them.
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

    /// Follows the container's output until cancelled. Opens the stream again where it broke off, for instance when Docker restarts.
    func follow(_ container: ContainerHandle, sleep: @escaping @Sendable (Duration) async throws -> Void) async {
        var failures = 0
        var onlyNew = false
        while !Task.isCancelled {
            let before = self.cursor
            onlyNew = await self.passOn(container, onlyNew: onlyNew, sleep: sleep)
            if onlyNew {
                // What it prints meanwhile is not read: whoever shouts costs this agent nothing.
                if let pause = self.gap.map({ $0.endsAt - self.uptime() }), pause > .zero {
                    guard (try? await sleep(pause)) != nil else { return }
                }
                self.endGap(isOver: true)
                continue
            }
            failures = self.cursor == before ? failures + 1 : 1
            // Also after an orderly end: the container has ended, and the machine will hear of it and cancel this.
            guard (try? await sleep(RetrySchedule.engine.pause(after: failures))) != nil else { return }
        }
    }

    /// Passes on what the ended container has printed and nobody has seen.
    func drain(_ container: ContainerHandle) async {
        _ = await self.passOn(container, onlyNew: self.gap?.isCounted == false)
        self.endGap(isOver: true)
    }

    /// Adds a line of the agent's own.
    func add(note: String?) {
        guard let note else { return }
        self.publish(BackendLogMessage(backendID: self.backend, kind: .meta, text: note))
    }

    /// One stream from the cursor, or from now, to its end, or until it was more than can be counted. A stream that breaks has passed on what
    /// came before.
    /// - Parameter sleep: nil where the output has an end and nobody waits until more of it may be passed on.
    /// - Returns: Whether there was more than can be counted.
    private func passOn(
        _ container: ContainerHandle, onlyNew: Bool, sleep: (@Sendable (Duration) async throws -> Void)? = nil
    ) async -> Bool {
        let (news, tellNews) = AsyncStream.makeStream(of: GapNotice.self)
        return await withTaskGroup(of: Void.self, returning: Bool.self) { group in
            var isCut = false
            group.addTask {
                await self.read(container, onlyNew: onlyNew) { tellNews.yield($0) }
                tellNews.finish()
            }
            for await event in news {
                switch event {
                case .began(let pause):
                    guard let sleep else { continue }
                    // A backend that falls silent has its gap told in time all the same.
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
        do throws(EngineFailure) {
            try await self.feeds.readLog(of: container, after: self.cursor, onlyNew: onlyNew) { chunk in
                guard let news = await self.passOn(chunk) else { return }
                tell(news)
                // Not one line more; this reading is cancelled.
                if case .uncounted = news { for await _ in AsyncStream<Never>.makeStream().stream {} }
            }
        } catch {
            // Logs are told as well as can be; whoever called decides whether to try again.
            if !Task.isCancelled { self.tell(error) }
        }
    }

    /// In our log and in the backend's own, where somebody looks for what is not there.
    private func tell(_ failure: EngineFailure) {
        guard self.toldReasons.count < Self.reasonLimit, self.toldReasons.insert(failure.message).inserted else { return }
        self.logger.warning("the backend's log cannot be read", metadata: [LogKey.error: "\(failure)"])
        self.add(note: "The log cannot be read: \(failure.message)")
    }

    /// Tells what is missing where it is missing. A gap that was not read to its end is told by whoever waits for that.
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

    /// Whether the line is beyond the allowance; then it is counted, as far as that goes.
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
