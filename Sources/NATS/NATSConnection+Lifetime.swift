import Logging
import Synchronization
import Timing

/// Connecting, reconnecting, and draining.
extension NATSConnection {
    /// Makes the first connection of one made by ``unopened(_:logger:)``, with up to `options.initialAttempts` attempts. Call it once.
    /// - Throws: the same as `connect`.
    package func open() async throws(NATSError) {
        _ = try self.attach(self.requests.subscription, queue: nil, sink: self.requests)
        var attempt = 1
        var told: String?
        while true {
            do throws(NATSError) {
                self.adopt(try await self.connectOnce())
                return
            } catch {
                let isRefused = error.code == .authorizationViolation
                guard error.isRetryable || error.code == .timedOut || isRefused && self.options.repeatsRefused,
                    attempt < self.options.initialAttempts
                else { throw error }
                let reason = "\(error)"
                self.logger.log(
                    level: Self.level(isRefused ? .error : .warning, of: reason, after: told),
                    isRefused ? "NATS refuses the credentials, trying again" : "NATS is not reachable yet",
                    metadata: [
                        NATSLogKey.attempt: "\(attempt)", NATSLogKey.attemptLimit: "\(self.options.initialAttempts)",
                        NATSLogKey.error: "\(reason)",
                    ])
                told = reason
            }
            attempt += 1
            do {
                try await Task.sleep(for: self.options.initialAttemptDelay)
            } catch {
                throw NATSError(.cancelled, attempt: "connect to NATS")
            }
        }
    }

    /// The same error as at the attempt before, with the same hint, is for those who look closely.
    private static func level(_ level: Logger.Level, of reason: String, after told: String?) -> Logger.Level { reason == told ? .debug : level }

    /// Closes the connection in order: unsubscribes, lets the readers of all subscriptions and the requests in flight finish, sends to the server
    /// what was published, and closes.
    /// - Parameter timeout: for all of it; what is unfinished then is cut off.
    package func drain(timeout: Duration = .seconds(10)) async {
        let (attachments, sinks) = self.state.withLock { (Array($0.attachments.values), Array($0.sinks.values)) }
        let (signals, signal) = AsyncStream.makeStream(of: Void.self)
        var awaited = 1
        for sink in sinks {
            sink.connectionDraining()
            guard let sink = sink as? SubscriptionSink else { continue }
            awaited += 1
            sink.buffer.whenReadersLeft { signal.yield() }
        }
        for attachment in attachments where attachment.subject != self.requests.subscription {
            attachment.drain(timeout: timeout)
        }
        self.requests.whenIdle { signal.yield() }
        _ = await withTimeLimit(timeout) { [awaited] in
            var left = awaited
            for await _ in signals {
                left -= 1
                if left == 0 { return }
            }
        }
        await self.close(flushTimeout: .seconds(2))
    }

    private func close(flushTimeout: Duration) async {
        let (link, sinks, wasConnected) = self.state.withLock { state in
            defer {
                state.link = .closed
                state.isConnected = false
                state.afterwards = Afterwards()
                state.sinks = [:]
                state.attachments = [:]
            }
            return (state.link, Array(state.sinks.values), state.isConnected)
        }
        switch link {
        case .closed: return
        case .connecting: break
        case .reopening(let task): task?.cancel()
        case .open(let native):
            // If the flush fails, the rest is lost with the connection: publishing without JetStream delivers at most once.
            try? await NativeConnection.blocking { () throws(NATSError) in
                defer { native.close() }
                if wasConnected { try native.flush(timeout: flushTimeout) }
            }
        }
        for sink in sinks { sink.connectionClosed() }
        self.broadcast.send(.closed)
    }

    /// Tries all servers once, on a queue that may block.
    private func connectOnce() async throws(NATSError) -> (NativeConnection, generation: Int) {
        let generation = self.state.withLock { state in
            state.generation += 1
            return state.generation
        }
        let native = try await NativeConnection.blocking { [options] () throws(NATSError) in
            try NativeConnection(options) { [weak self] event in self?.handle(event, generation: generation) }
        }
        return (native, generation)
    }

    /// Makes a connection the current one and subscribes everything on it.
    private func adopt(_ connected: (native: NativeConnection, generation: Int)) {
        let attachments: [Attachment] = self.state.withLock { state in
            if case .closed = state.link { return [] }
            state.link = .open(connected.native)
            // It may have broken again, and not be restored yet.
            state.isConnected = !connected.native.restoration.isUnderWay
            guard state.isConnected else {
                state.afterwards.attachments = Array(state.attachments.values)
                return []
            }
            return Array(state.attachments.values)
        }
        self.bind(attachments, to: connected.native)
        self.logger.info(
            "connected to NATS", metadata: [NATSLogKey.server: "\(connected.native.connectedServer ?? "unknown")"])
        self.broadcast.send(connected.generation == 1 ? .connected : .reconnected)
    }

    private func bind(_ attachments: [Attachment], to native: NativeConnection) {
        for attachment in attachments {
            do {
                try attachment.bind(to: native)
            } catch {
                // Fails only if the connection has broken again; then the next one subscribes.
                self.logger.warning("cannot subscribe", metadata: [NATSLogKey.error: "\(error)"])
            }
        }
    }

    /// Runs on the library's threads.
    func handle(_ event: NativeEvent, generation: Int) {
        guard self.state.withLock({ $0.generation == generation }) else { return }
        switch event {
        case .disconnected:
            let broken: NativeConnection? = self.state.withLock { state in
                state.isConnected = false
                guard case .open(let native) = state.link else { return nil }
                return native
            }
            guard let broken else { return }
            self.logger.warning("disconnected from NATS, reconnecting for ever")
            self.requests.failAll(.disconnected, hint: "the request may have been carried out; repeat it")
            self.broadcast.send(.disconnected)
            NativeConnection.later { [logger] in
                if let reason = broken.lastError { logger.info("what broke the connection to NATS", metadata: [NATSLogKey.reason: "\(reason)"]) }
            }
        case .stillDisconnected(let count):
            // Logs the 1st, 2nd, 4th, 8th and then every 16th round.
            // The library says this on another thread than that the connection broke, and may say it first.
            guard !self.isConnected, count.nonzeroBitCount == 1 && count < 16 || count % 16 == 0 else { return }
            self.logger.warning("still disconnected from NATS", metadata: [NATSLogKey.attempt: "\(count)"])
        case .reconnected:
            guard let native = self.restored() else { return }
            let server = native.connectedServer
            self.logger.notice("reconnected to NATS", metadata: [NATSLogKey.server: "\(server ?? "unknown")"])
            self.broadcast.send(.reconnected)
        case .refused(_, let reason):
            self.logger.error("NATS refuses something", metadata: [NATSLogKey.reason: "\(reason)"])
            self.failRefused(reason)
            self.broadcast.send(.refused(reason: reason))
        case .closed(let code, let reason):
            self.lost(code, reason)
        }
    }

    /// Makes the subscriptions and sends the messages that have waited for it, and then lets all others through.
    /// - Returns: nil where the connection is not in use.
    private func restored() -> NativeConnection? {
        while true {
            let step: (native: NativeConnection, work: Afterwards?)? = self.state.withLock { state in
                guard case .open(let native) = state.link else { return nil }
                guard !state.afterwards.isEmpty, !native.restoration.isUnderWay else {
                    state.isConnected = !native.restoration.isUnderWay
                    return (native, nil)
                }
                defer { state.afterwards = Afterwards() }
                return (native, state.afterwards)
            }
            guard let step else { return nil }
            guard let work = step.work else { return step.native }
            self.bind(work.attachments, to: step.native)
            do throws(NATSError) {
                for message in work.messages {
                    try step.native.publish(message.payload, to: message.subject, headers: message.headers, reply: message.reply)
                }
            } catch {
                // Fails only if the library gives the connection up at this moment; then it has lost what was published, as everything that is on its way.
                self.logger.warning("what was published while NATS was away is lost", metadata: [NATSLogKey.error: "\(error)"])
            }
        }
    }

    /// Fails requests to a subject that is forbidden: the server has reported `Permissions Violation for Publish to "a.b"`, or `for Subscription to`.
    private func failRefused(_ reason: String) {
        guard let match = reason.firstMatch(of: #/(?i)permissions violation for (publish|subscription) to "([^"]+)"/#) else { return }
        let subject = String(match.output.2)
        if match.output.1.lowercased() == "publish" {
            self.requests.failRefused(subject: subject, detail: reason)
        } else if subject == self.requests.subscription {
            self.requests.failAll(.permissionDenied, hint: "its permissions name where this user may receive answers")
        }
    }

    /// Starts over after the library has given up. It is configured never to do so, but does when the server refuses the credentials twice in a row, as a
    /// server may for a moment while it is reconfigured.
    private func lost(_ code: NATSError.Code?, _ reason: String?) {
        let mustReopen = self.state.withLock { state in
            guard case .open = state.link else { return false }
            state.link = .reopening(nil)
            state.isConnected = false
            state.afterwards = Afterwards()
            return true
        }
        guard mustReopen else { return }
        self.logger.error(
            "NATS closed the connection, connecting anew",
            metadata: [NATSLogKey.reason: "\(reason ?? code?.rawValue ?? "unknown")"])
        self.requests.failAll(.disconnected)
        // Bridges the library's callback; ended by success, `close` or `deinit`, which cancel it.
        let task = Task { [weak self] in
            var tries = 0
            var told: String?
            while !Task.isCancelled {
                tries += 1
                try? await Task.sleep(for: Self.reopenSchedule.pause(after: tries))  // Cancellation is seen above.
                guard let self, let reason = await self.reopenOnce(told: told) else { return }
                told = reason
            }
        }
        self.state.withLock { state in
            if case .reopening = state.link { state.link = .reopening(task) }
        }
    }

    /// Pauses before the attempts to make a new connection.
    private static let reopenSchedule = RetrySchedule(
        .milliseconds(100), .milliseconds(500), .seconds(1), .seconds(2), .seconds(5), .seconds(10))

    /// - Parameter told: the last reason in the log.
    /// - Returns: why it has failed; nil where no further attempt is needed.
    private func reopenOnce(told: String?) async -> String? {
        do {
            let connected = try await self.connectOnce()
            let isClosed = self.state.withLock { state in
                if case .closed = state.link { return true }
                return false
            }
            if !isClosed { self.adopt(connected) }
            return nil
        } catch {
            let reason = "\(error)"
            self.logger.log(level: Self.level(.error, of: reason, after: told), "NATS still refuses us", metadata: [NATSLogKey.error: "\(reason)"])
            return reason
        }
    }
}
