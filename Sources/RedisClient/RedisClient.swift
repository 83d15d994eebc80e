package import EpollTransport
package import Logging
import LogKeys
import NIOCore

/// A Redis server as one event loop sees it: a connection that is made when it is needed, and made again when it breaks.
///
/// ## Why it exists
///
/// The alternative is hiredis by a module map. It was weighed by what has to be kept: hiredis' asynchronous half wants an adapter that
/// registers its descriptors with an event loop and a second one for its timers, has neither Sentinel nor a bound on the size of a reply, and
/// resolves names by blocking; all of it would stand here in any case, beside the C library. The protocol itself is ``RESPParser``.
/// Commands of one turn of the loop leave with one system call, and their answers are taken from the loop's own buffer without a copy in between.
/// hiredis 0.14 takes 1.5 µs of processor time to format and parse the two commands of a look-up, without sending anything; all that a look-up costs
/// here, system calls included, is 1.3 to 1.9 µs (`scripts/bench planb`, one host: without the cache less with it).
///
/// Used on its loop's thread only; nothing blocks. Commands are repeated once when their connection breaks before the answer, and not when the
/// answer is late. While there is no connection, and the last attempt at one has failed, commands fail at once: nobody queues for a server that
/// is gone. The same holds after an answer that did not come in time, until the server has answered something.
package final class RedisClient {
    private enum State {
        /// Nothing was asked yet, or the server closed a connection that nobody used.
        case idle
        case connecting
        case open(RedisConnection)
        case closed
    }

    package let server: RedisServer
    private let limits: RedisLimits
    private let loop: EpollEventLoop
    private let logger: Logger
    private var state = State.idle
    /// Batches that were sent before there was a connection.
    private var queue: [RedisBatch] = []
    /// Why there is no connection; nil while there is one.
    private var failure: RedisError?
    private var connection: RedisConnection?
    private var masterCheck: RepeatingTimer?
    private let trackedPrefixes: [String]?
    /// Whether the next connection is made without asking for tracking. Proxies for Redis close connections on which a command comes that they do not know.
    private var skipsTracking = false
    /// When a server that does not track is asked again.
    private var trackingRetry: Scheduled<Void>?
    /// A second connection, on which the server is asked again, while commands go over the first one.
    private var trial: RedisConnection?
    /// The connection from before a trial that succeeded, until its commands are answered.
    private var former: RedisConnection?
    /// Called when Redis says that keys have changed. The keys were read on the connection of ``tracking``, and count as unread from then on.
    package var invalidated: ((RedisInvalidation) -> Void)?
    private let counts = RedisCounts()

    /// - Parameter trackedPrefixes: how the keys begin that Redis is to tell of when they change, every key where none is given; nil for no such telling. See
    ///   ``tracking``.
    package init(
        _ server: RedisServer, limits: RedisLimits = RedisLimits(), trackedPrefixes: [String]? = nil, on loop: EpollEventLoop, logger: Logger
    ) {
        self.server = server
        self.trackedPrefixes = trackedPrefixes
        self.limits = limits
        self.loop = loop
        self.logger = logger
    }

    /// How many commands were sent, and how many of them have failed, for reports.
    package var sentCount: Int { self.counts.sent }
    package var failedCount: Int { self.counts.failed }

    /// What Redis promises about keys that are read now; nil if it promises nothing: it was not asked, it is older than version 6, it permits no tracking,
    /// or there is no connection.
    package var tracking: RedisTracking? {
        if case .open(let connection) = self.state { connection.tracking } else { nil }
    }

    /// Sends commands together (as a pipeline, not a transaction).
    ///
    /// - Parameter body: called once, on the loop, after this has returned. A command that Redis refuses has an answer, too (``RedisValue/error(_:)``).
    package func send(_ commands: [RedisCommand], _ body: @escaping (Result<[RedisValue], RedisError>) -> Void) {
        self.send(RedisPipeline(commands), body)
    }

    package func send(_ pipeline: RedisPipeline, _ body: @escaping (Result<[RedisValue], RedisError>) -> Void) {
        self.counts.sent += pipeline.count
        let batch = RedisBatch(pipeline, counts: self.counts, body)
        switch self.state {
        case .open(let connection):
            guard connection.waiting.count < self.limits.waiting else { return self.refuse(batch, self.overload) }
            connection.send(batch)
        case .idle:
            self.queue.append(batch)
            self.connect()
        case .connecting:
            if let failure { return self.refuse(batch, failure) }
            guard self.queue.count < self.limits.waiting else { return self.refuse(batch, self.overload) }
            self.queue.append(batch)
        case .closed:
            self.refuse(batch, RedisError(.closed, "\(self.server.description): closed"))
        }
    }

    private var overload: RedisError {
        RedisError(.overloaded, "\(self.server.description): \(self.limits.waiting) commands wait for answers already")
    }

    private func refuse(_ batch: RedisBatch, _ error: RedisError) {
        self.loop.assumeIsolated().execute { batch.fail(error) }
    }

    /// Closes the connection; later commands fail.
    package func close() {
        let connections = [self.connection, self.trial, self.former]
        (self.connection, self.trial, self.former) = (nil, nil, nil)
        self.state = .closed
        self.masterCheck?.cancel()
        self.trackingRetry?.cancel()
        for connection in connections { connection?.close() }
        self.failQueue(RedisError(.closed, "\(self.server.description): closed"))
    }

    package var commandsWaiting: Int { self.queue.count + (self.connection?.waiting.count ?? 0) + (self.former?.waiting.count ?? 0) }

    /// The state of the connection in one word, with the reason.
    package var status: String {
        switch self.state {
        case .idle: "not connected, nothing was asked"
        case .connecting: self.failure.map { "not connected: \($0)" } ?? "connecting"
        case .open(let connection):
            "connected to \(connection.address), \(connection.waiting.count) answers outstanding"
                + (connection.tracking == nil ? "" : ", changes are told")
        case .closed: "closed"
        }
    }

    // MARK: Connecting

    private func connect() {
        self.state = .connecting
        switch self.server.location {
        case .unix(let path):
            do {
                self.connect(to: try SocketAddress(unixDomainSocketPath: path))
            } catch {
                self.loop.assumeIsolated().execute { self.failed(RedisError(.unreachable, "\(path): a socket's path is shorter")) }
            }
        case .tcp(let host, let port):
            if let address = NameResolver.literal(host, port: port) { return self.connect(to: address) }
            let bound = NIOLoopBound(self, eventLoop: self.loop)
            let loop = self.loop
            NameResolver.shared.resolve(host, port: port) { result in
                loop.execute {
                    switch result {
                    case .success(let addresses): bound.value.connect(to: addresses[0])
                    case .failure(let failure): bound.value.failed(RedisError(.unreachable, failure.description))
                    }
                }
            }
        case .sentinels(let addresses, let master):
            MasterSearch.begin(addresses, master: master, limits: self.limits, on: self.loop) { result in
                switch result {
                case .success(let address): self.connect(to: address)
                case .failure(let error): self.failed(error)
                }
            }
        }
    }

    private func connect(to address: SocketAddress) {
        guard case .connecting = self.state, self.connection == nil else { return }
        self.connection = self.makeConnection(to: address, tracked: self.skipsTracking ? nil : self.trackedPrefixes)
    }

    private func makeConnection(to address: SocketAddress, tracked: [String]?) -> RedisConnection {
        // The connection calls nothing before it is stored here, and releases the closures when it is closed.
        var made: RedisConnection?
        let events = RedisConnection.Events(
            opened: { if let made { self.opened(made) } }, closed: { if let made { self.closed(made, $0, $1, whileAsking: $2) } },
            pushed: { if let change = RedisInvalidation(push: $0) { self.invalidated?(change) } },
            answered: { batch in
                if let made, made === self.former, made.waiting.isEmpty { made.close() }
                if batch.replies.contains(where: \.isReadOnly) { self.masterChanged() }
            })
        // A server that hangs still takes connections: after a failure it has to answer something before commands wait for it.
        let greeting = self.server.greeting + (self.failure == nil ? [] : [RedisConnection.signOfLife])
        let connection = RedisConnection(
            connectingTo: address, name: self.server.description, greeting: greeting, tracked: tracked, limits: self.limits, on: self.loop,
            events: events)
        made = connection
        return connection
    }

    private func opened(_ connection: RedisConnection) {
        if connection === self.trial { return self.trialOpened(connection) }
        guard connection === self.connection, case .connecting = self.state else { return }
        self.state = .open(connection)
        if self.failure != nil { self.logger.info("redis is reached again", metadata: [LogKey.server: "\(self.server.description)"]) }
        self.failure = nil
        if self.trackedPrefixes != nil, connection.tracking == nil {
            self.logger.info(
                "redis does not tell of changes",
                metadata: [
                    LogKey.server: "\(self.server.description)", LogKey.reason: "\(connection.trackingProblem ?? "it hung up when it was asked to")",
                ])
            self.askForTrackingLater()
        }
        self.skipsTracking = false
        let queue = self.queue
        self.queue = []
        for batch in queue { connection.send(batch) }
        self.checkMaster()
    }

    private func closed(_ connection: RedisConnection, _ error: RedisError, _ waiting: [RedisBatch], whileAsking: Bool) {
        if connection === self.trial {
            self.trial = nil
            return self.askForTrackingLater()
        }
        if connection === self.former {
            self.former = nil
            return self.repeatOrFail(waiting, error)
        }
        guard connection === self.connection else {
            // Closed by this client.
            for batch in waiting { batch.fail(error) }
            return
        }
        self.connection = nil
        self.masterCheck?.cancel()
        self.masterCheck = nil
        switch self.state {
        case .closed:
            for batch in waiting { batch.fail(error) }
        case .connecting:
            guard whileAsking, error.code == .disconnected else { return self.failed(error) }
            self.skipsTracking = true
            self.connect()
        case .open where error.code == .timedOut:
            // Commands fail at once until it is known that the server answers again.
            self.state = .connecting
            for batch in waiting { batch.fail(error) }
            self.noteFailure(error)
            self.connect()
        case .open, .idle:
            self.state = .idle
            self.repeatOrFail(waiting, error)
        }
    }

    /// Commands are sent again only after the connection broke, and not to a server that does not speak Redis.
    private func repeatOrFail(_ waiting: [RedisBatch], _ error: RedisError) {
        let mayRepeat = error.code == .disconnected
        let again = waiting.filter { mayRepeat && !$0.isRepeated }
        let lost = waiting.filter { !mayRepeat || $0.isRepeated }
        for batch in again { batch.beginAgain() }
        switch self.state {
        case .open(let connection): for batch in again { connection.send(batch) }
        case .idle:
            self.queue += again
            if !self.queue.isEmpty { self.connect() }
        case .connecting: self.queue += again
        case .closed: for batch in again { batch.fail(error) }
        }
        for batch in lost { batch.fail(error) }
    }

    private func failed(_ error: RedisError) {
        guard case .connecting = self.state else { return }
        self.connection = nil
        self.skipsTracking = false
        self.noteFailure(error)
        self.failQueue(error)
        self.loop.assumeIsolated().scheduleTask(in: TimeAmount(self.limits.pause)) {
            if case .connecting = self.state, self.connection == nil { self.connect() }
        }
    }

    private func noteFailure(_ error: RedisError) {
        if self.failure == nil { self.logger.error("redis cannot be reached", metadata: [LogKey.error: "\(error)"]) }
        self.failure = error
    }

    // MARK: Asking again to be told of changes

    private func askForTrackingLater() {
        guard self.trackingRetry == nil, case .open = self.state else { return }
        let pause = TimeAmount(self.limits.trackingRetry * Double.random(in: 0.5...1))
        self.trackingRetry = self.loop.assumeIsolated().scheduleTask(in: pause) {
            self.trackingRetry = nil
            // A connection that is made anew has asked, or asks, by itself.
            guard case .open(let connection) = self.state, connection.tracking == nil, self.trial == nil else { return }
            self.trial = self.makeConnection(to: connection.address, tracked: self.trackedPrefixes)
        }
    }

    /// Commands go over the new connection from now on if it tracks; what is sent already is answered on the one before.
    private func trialOpened(_ trial: RedisConnection) {
        self.trial = nil
        guard trial.tracking != nil, case .open(let connection) = self.state, connection.tracking == nil, connection.address == trial.address else {
            trial.close()
            return self.askForTrackingLater()
        }
        self.connection = trial
        self.state = .open(trial)
        self.logger.info("redis tells of changes", metadata: [LogKey.server: "\(self.server.description)"])
        guard !connection.waiting.isEmpty else { return connection.close() }
        let former = self.former
        self.former = connection
        former?.close()
    }

    private func failQueue(_ error: RedisError) {
        let queue = self.queue
        self.queue = []
        for batch in queue { batch.fail(error) }
    }

    // MARK: Masters that change

    /// A message about a failover may be missed, and a former master that is cut off from its sentinels gets none, so the sentinels are asked from time to
    /// time.
    private func checkMaster() {
        guard case .sentinels(let addresses, let master) = self.server.location else { return }
        let interval = TimeAmount(self.limits.masterCheck)
        self.masterCheck = RepeatingTimer(every: interval, on: self.loop) {
            MasterSearch.begin(addresses, master: master, limits: self.limits, on: self.loop) { result in
                guard case .success(let address) = result, let connection = self.connection, connection.isOpen else { return }
                if connection.address != address { self.masterChanged() }
            }
        }
    }

    private func masterChanged() {
        guard case .sentinels = self.server.location, let connection = self.connection else { return }
        self.logger.info("the master of redis has changed", metadata: [LogKey.server: "\(self.server.description)"])
        connection.end(RedisError(.disconnected, "\(self.server.description): the master has changed"))
    }
}

extension RedisValue {
    /// Whether the reply says that a write was sent to a replica.
    fileprivate var isReadOnly: Bool { if case .error(let text) = self { text.hasPrefix("READONLY") } else { false } }
}
