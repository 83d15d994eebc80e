import Logging
import PlaneProtocol

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

    init(
        of backend: BackendID, from feeds: any EngineFeeds, after cursor: WireTime?, cursors: LogCursors,
        publish: @escaping @Sendable (BackendLogMessage) -> Void, logger: Logger
    ) {
        self.backend = backend
        self.feeds = feeds
        self.cursors = cursors
        self.publish = publish
        self.logger = logger
        self.cursor = cursor
    }

    /// Follows the container's output until cancelled. Opens the stream again where it broke off, for instance when Docker restarts.
    func follow(sleep: @Sendable (Duration) async throws -> Void) async {
        var failures = 0
        while !Task.isCancelled {
            let before = self.cursor
            await self.passOn()
            failures = self.cursor == before ? failures + 1 : 1
            // Also after an orderly end: the container has ended, and the machine will hear of it and cancel this.
            guard (try? await sleep(RetrySchedule.engine.pause(after: failures))) != nil else { return }
        }
    }

    /// Passes on what the ended container has printed and nobody has seen.
    func drain() async {
        await self.passOn()
    }

    /// Adds a line of the agent's own.
    func add(note: String?) {
        guard let note else { return }
        self.publish(BackendLogMessage(backendID: self.backend, kind: .meta, text: note))
    }

    /// One stream from the cursor to its end. A stream that breaks has passed on what came before.
    private func passOn() async {
        do throws(EngineFailure) {
            try await self.feeds.readLog(of: self.backend, after: self.cursor) { await self.passOn($0) }
        } catch {
            // Logs are told as well as can be; whoever called decides whether to try again.
            if !Task.isCancelled { self.tell(error) }
        }
    }

    /// In our log and in the backend's own, where somebody looks for what is not there.
    private func tell(_ failure: EngineFailure) {
        guard self.toldReasons.count < Self.reasonLimit, self.toldReasons.insert(failure.message).inserted else { return }
        self.logger.warning("The backend's log cannot be read", metadata: [LogKey.error: "\(failure)"])
        self.add(note: "The log cannot be read: \(failure.message)")
    }

    private func passOn(_ chunk: LogChunk) {
        if let time = chunk.time {
            self.cursor = time
            self.cursors.advance(self.backend, to: time)
        }
        let kind: BackendLogMessage.Kind = chunk.stream == .stdout ? .stdout : .stderr
        self.publish(BackendLogMessage(backendID: self.backend, kind: kind, text: chunk.text))
    }
}
