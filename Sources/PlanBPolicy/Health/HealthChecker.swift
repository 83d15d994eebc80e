import AsyncHTTPClient
package import EpollTransport
package import Logging
import LogKeys
import NIOCore
import NIOHTTP1
import RedisClient
import ServiceLifecycle
import Synchronization
import Timing

/// Checks backends that were marked dead every second, and removes their marks when they work again.
///
/// Any number of processes may do so. The one with a backend's lock (`dead:HOST:BACKEND`) checks it. The others wait until the lock expires, so that another
/// takes over when a process ends. Messages are lost while nobody listens, so the marks are read each time the subscription begins.
package final class HealthChecker: Service {
    /// How long a lock lasts, in seconds. It is renewed before every check.
    private static let lockSeconds = 30
    private static let interval: Duration = .seconds(1)
    /// A process without the lock tries to get it again after this time, or after half the life of a mark if that is shorter.
    private static let longestStandby: Duration = .seconds(10)
    /// How many backends one process checks or waits for. Further ones are left to other processes, or to the next reading of the marks.
    private static let subjectLimit = 2000
    private static let connectLimit: TimeAmount = .seconds(10)
    /// How many bytes of an answer's body are searched for the expected text.
    private static let bodyLimit = 1024 * 1024

    private let options: PlanBOptions
    private let redis: RedisCaller
    private let loop: EpollEventLoop
    /// The name under which locks are taken: that of the machine and the number of the process, since two processes may run on one machine.
    private let holder: String
    private let logger: Logger
    /// How long a check of one backend may take, to the end of its answer. Below the life of a lock.
    private let checkLimit: Duration
    private let standby: Duration
    private let watched = Mutex<Set<HealthSubject>>([])
    private let slots: SlotPool

    /// - Parameters:
    ///   - holder: the host name of this machine and the number of this process.
    ///   - slotCount: how many checks run at the same time.
    package init(
        _ options: PlanBOptions, on loop: EpollEventLoop, holder: String, logger: Logger, slotCount: Int = 5, checkLimit: Duration = .seconds(15)
    ) async throws {
        self.options = options
        self.redis = try await RedisCaller.make(options.writing, limits: options.redisLimits, on: loop, logger: logger)
        self.loop = loop
        self.holder = holder
        self.logger = logger
        self.checkLimit = checkLimit
        self.standby = min(Self.longestStandby, .seconds(max(2, options.deadSeconds)) / 2)
        self.slots = SlotPool(count: slotCount)
    }

    private enum Event: Sendable {
        case message([UInt8])
        case search
    }

    package func run() async throws {
        let (events, continuation) = AsyncStream.makeStream(of: Event.self, bufferingPolicy: .bufferingNewest(10_000))
        let subscription = try await self.subscribe(continuation)
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .follow(max: 10, allowCycles: false),
            timeout: HTTPClient.Configuration.Timeout(connect: Self.connectLimit))
        configuration.connectionPool.idleTimeout = .milliseconds(1)
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        await withDiscardingTaskGroup { group in
            group.addTask {
                try? await gracefulShutdown()  // cancelled, the same is right
                continuation.finish()
            }
            for await event in events {
                switch event {
                case .message(let bytes): if let subject = HealthSubject(message: bytes) { self.begin(subject, client, in: &group) }
                case .search: for subject in await self.search() { self.begin(subject, client, in: &group) }
                }
            }
            group.cancelAll()
        }
        try? await self.loop.submit { subscription.value.stop() }.get()  // an ended loop has no subscriptions
        self.redis.close()
        try await client.shutdown()
    }

    private func subscribe(_ continuation: AsyncStream<Event>.Continuation) async throws -> NIOLoopBound<RedisSubscription> {
        let (options, loop, logger) = (self.options, self.loop, self.logger)
        return try await loop.submit {
            let subscription = RedisSubscription(
                options.writing, channel: "dead", limits: options.redisLimits, on: loop, logger: logger,
                began: { continuation.yield(.search) }, message: { continuation.yield(.message($0)) })
            subscription.start()
            return NIOLoopBound(subscription, eventLoop: loop)
        }.get()
    }

    private func begin(_ subject: HealthSubject, _ client: HTTPClient, in group: inout DiscardingTaskGroup) {
        let isNew = self.watched.withLock { watched in
            watched.count < Self.subjectLimit && watched.insert(subject).inserted
        }
        guard isNew else { return }
        group.addTask {
            await self.watch(subject, client)
            self.watched.withLock { _ = $0.remove(subject) }
        }
    }

    // MARK: Marks that nobody has told of

    private func search() async -> Set<HealthSubject> {
        var subjects: Set<HealthSubject> = []
        var cursor = "0"
        repeat {
            // The client logs that Redis is away, and a search begins when it is back.
            guard let reply = try? await self.redis.send(RedisCommand("SCAN", cursor, "MATCH", "dead:*", "COUNT", "1000", "TYPE", "set")) else {
                return subjects
            }
            guard let parts = reply.elements, parts.count == 2, let next = parts[0].string else {
                let reason = if case .error(let text) = reply { text } else { "an unexpected answer" }
                self.logger.warning("marks that no message tells of are not found: redis refuses SCAN", metadata: [LogKey.error: "\(reason)"])
                return subjects
            }
            for key in parts[1].elements?.compactMap(\.bytes) ?? [] { await self.search(key, into: &subjects) }
            cursor = next
        } while cursor != "0" && subjects.count < Self.subjectLimit && !Task.isCancelled
        return subjects
    }

    private func search(_ key: [UInt8], into subjects: inout Set<HealthSubject>) async {
        let host = Array(key.dropFirst("dead:".utf8.count))
        let name = String(decoding: host, as: UTF8.self)
        guard Array(name.utf8) == host else { return }
        let question = FrontendQuestion(name, usesWildcards: self.options.usesWildcards)
        guard let replies = try? await self.redis.send(question.pipeline), case .found(_, let entries, let dead) = question.read(replies) else { return }
        for number in dead where entries.indices.contains(number) { subjects.insert(HealthSubject(host: host, backend: entries[number])) }
    }

    // MARK: One backend

    /// What one turn at a backend has led to.
    private enum Turn {
        /// Another process has the lock.
        case isElsewhere
        case goesOn
        /// The backend works, is no longer in the list, or has neither a mark nor a lock any more.
        case isOver
    }

    /// Checks a backend until that is over.
    private func watch(_ subject: HealthSubject, _ client: HTTPClient) async {
        // Unless another process has the lock; where that is not known, nothing but a lock of our own is deleted.
        var mayHoldLock = false
        defer { if mayHoldLock { self.release(subject) } }
        var pause = Self.interval
        while true {
            do { try await Task.sleep(for: pause) } catch { return }
            pause = Self.interval
            // The lock is taken with the slot in hand: it lasts longer than a check, but not longer than the wait behind many checks of silent backends.
            switch await self.slots.withSlot({ await self.take(subject, client) }) {
            case .isElsewhere:
                mayHoldLock = false
                pause = self.standby
            case .goesOn: mayHoldLock = true
            case .isOver: return
            }
            if Task.isCancelled { return }
        }
    }

    private func take(_ subject: HealthSubject, _ client: HTTPClient) async -> Turn {
        if Task.isCancelled { return .goesOn }
        do throws(RedisError) {
            guard try await self.takeLock(subject) else {
                // A lock without a mark is that of a process which has ended before it could tell how the backend is.
                if try await self.isMarked(subject) { return .isElsewhere }
                return try await self.isLocked(subject) ? .isElsewhere : .isOver
            }
            let expectation = try await self.expectation(subject)
            let isWell = await self.isWell(subject, expectation, client)
            if Task.isCancelled { return .goesOn }
            // The process may have stood still for longer than the lock lasts, so the lock is taken again.
            guard try await self.takeLock(subject) else { return .isElsewhere }
            let places = try await self.settle(subject, isWell: isWell)
            guard places == 0 || isWell else { return .goesOn }
            self.logger.info(
                isWell ? "a backend is well again" : "a backend is gone from its list",
                metadata: [LogKey.host: "\(LogText.escaped(subject.host))", LogKey.backend: "\(LogText.escaped(subject.backend))"])
            self.release(subject)
            return .isOver
        } catch {
            // Redis is expected back, and the marks are kept there.
            self.logger.debug("a health check could not be told", metadata: [LogKey.error: "\(error)"])
            return .goesOn
        }
    }

    private func takeLock(_ subject: HealthSubject) async throws(RedisError) -> Bool {
        try await self.redis.send(HealthScripts.take(subject.lockKey, as: self.holder, seconds: Self.lockSeconds)) == .integer(1)
    }

    private func release(_ subject: HealthSubject) {
        self.redis.send([HealthScripts.release(subject.lockKey, of: self.holder)]) { _ in }  // it expires by itself, too
    }

    private func settle(_ subject: HealthSubject, isWell: Bool) async throws(RedisError) -> Int64 {
        let command = HealthScripts.settle(
            subject.backend, marks: subject.marksKey, lists: subject.listKeys(usesWildcards: self.options.usesWildcards),
            deadSeconds: isWell ? nil : self.options.deadSeconds)
        switch try await self.redis.send(command) {
        case .integer(let places): return places
        case .error(let text): throw RedisError(.refused, text)
        case .text, .bulk, .null, .array, .oversized, .push: throw RedisError(.malformed, "a script has answered with something else than a number")
        }
    }

    private func isMarked(_ subject: HealthSubject) async throws(RedisError) -> Bool {
        let name = String(decoding: subject.host, as: UTF8.self)
        let question = FrontendQuestion(name, usesWildcards: self.options.usesWildcards)
        guard case .found(_, let entries, let dead) = question.read(try await self.redis.send(question.pipeline)) else { return false }
        return dead.contains { entries.indices.contains($0) && entries[$0] == subject.backend }
    }

    private func isLocked(_ subject: HealthSubject) async throws(RedisError) -> Bool {
        try await self.redis.send(RedisCommand("EXISTS", arguments: [subject.lockKey])) != .integer(0)
    }

    private func expectation(_ subject: HealthSubject) async throws(RedisError) -> HealthExpectation {
        let reply = try await self.redis.send(
            RedisCommand("HMGET", arguments: [subject.settingsKey] + ["path", "status", "body"].map { Array($0.utf8) }))
        guard let parts = reply.elements, parts.count == 3 else { return HealthExpectation() }
        let status = parts[1].string.flatMap { Int($0) }
        return HealthExpectation(path: parts[0].string ?? "", status: status == 0 ? nil : status, body: parts[2].bytes ?? [])
    }

    /// Asks the backend. A client's own limit ends with the head of an answer, so the whole check has one of its own: an answer that comes drop by drop would
    /// keep the slot.
    private func isWell(_ subject: HealthSubject, _ expectation: HealthExpectation, _ client: HTTPClient) async -> Bool {
        guard let url = subject.url(path: expectation.path) else { return false }
        return await withTimeLimit(self.checkLimit) {
            var request = HTTPClientRequest(url: url)
            request.headers.add(name: "Connection", value: "close")
            do {
                let response = try await client.execute(request, timeout: TimeAmount(self.checkLimit))
                if expectation.body.isEmpty { return expectation.isMet(status: Int(response.status.code), body: []) }
                var body: [UInt8] = []
                for try await part in response.body {
                    body += part.readableBytesView
                    if body.count > Self.bodyLimit { break }
                }
                return expectation.isMet(status: Int(response.status.code), body: body)
            } catch {
                return false
            }
        } ?? false
    }
}
