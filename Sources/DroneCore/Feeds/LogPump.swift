import PlaneProtocol

/// Passes one backend's output on, line by line, in order, each line once.
actor LogPump {
    private let backend: BackendID
    private let feeds: any EngineFeeds
    private let cursors: LogCursors
    private let publish: @Sendable (BackendLogMessage) -> Void
    private var cursor: WireTime?

    init(
        of backend: BackendID, from feeds: any EngineFeeds, after cursor: WireTime?, cursors: LogCursors,
        publish: @escaping @Sendable (BackendLogMessage) -> Void
    ) {
        self.backend = backend
        self.feeds = feeds
        self.cursors = cursors
        self.publish = publish
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
        }
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
