import DequeModule
import EpollTransport
import NIOCore

#if canImport(Glibc)
import Glibc
#endif

/// One connection to a Redis server: sends the greeting and the commands, and matches the answers to them. Answers come in the order of the commands, so any
/// number may be in flight. Used on its loop's thread only.
final class RedisConnection: StreamSocketReceiver {
    private enum State {
        case connecting
        /// The commands of the greeting are sent; this many of their answers have not come yet.
        case greeting(Int)
        case open
        case closed
    }

    /// Callbacks to the owner of the connection.
    struct Events {
        var opened: () -> Void
        /// Called last, with the batches that have no answer, and with whether the server was being asked for tracking. Batches that had waited too long have
        /// failed before and are not among them.
        var closed: (RedisError, [RedisBatch], Bool) -> Void
        /// Called with a message that answers no command.
        var announced: (RedisValue) -> Void = { _ in }
        /// Called with the elements of a push.
        var pushed: ([RedisValue]) -> Void = { _ in }
        var answered: (RedisBatch) -> Void = { _ in }
    }

    let address: SocketAddress
    private let loop: EpollEventLoop
    private let greeting: [RedisCommand]
    /// The commands that ask for tracking, which follow the greeting. The server may refuse them.
    private let request: [RedisCommand]
    private let limits: RedisLimits
    private let name: String
    /// Nil once closed, which breaks the reference cycle.
    private var events: Events?
    private var socket: StreamSocket?
    private var state = State.connecting
    private var parser = RESPParser()
    /// The beginning of a reply whose end has not come.
    private var rest = ByteBuffer()
    private var output = ByteBuffer()
    private var isFlushing = false
    private(set) var waiting: Deque<RedisBatch> = []
    private var connectLimit: Scheduled<Void>?
    private var answerCheck: Scheduled<Void>?
    /// When bytes last came.
    private(set) var heardAt = NIODeadline.now()
    /// Nil unless the server was asked to track what is read here, and does.
    private(set) var tracking: RedisTracking?
    /// Why the server does not track, in its own words.
    private(set) var trackingProblem: String?
    private var heartbeat: RepeatingTimer?

    private static let writeMarks = (256 * 1024)..<(512 * 1024)
    /// How often a connection from which somebody expects to be told of changes is asked for a sign of life.
    private static let heartbeatInterval: TimeAmount = .milliseconds(500)
    /// A connection on which something came within this time need not be asked.
    private static let quiet: TimeAmount = .milliseconds(250)
    /// How much memory for commands is kept while there are none. In one turn of the loop there are rarely more.
    private static let keptOutputCapacity = 64 * 1024
    private static let ping = RedisPipeline([signOfLife])
    /// Whatever the answer is, an error too, the server answers.
    static let signOfLife = RedisCommand("PING", arguments: [])
    /// Asks to be told of every change of keys with these prefixes (broadcasting mode), whether they were read or not: Redis would remember each key that was read,
    /// and what is read are names that strangers make up. Messages that answer no command exist in version 3 of the protocol.
    private static func trackingRequest(_ prefixes: [String]) -> [RedisCommand] {
        let arguments = ["TRACKING", "ON", "BCAST"] + prefixes.flatMap { ["PREFIX", $0] }
        return [RedisCommand("HELLO", "3"), RedisCommand("CLIENT", arguments: arguments.map { Array($0.utf8) })]
    }

    /// - Parameters:
    ///   - name: the server's name, for messages.
    ///   - tracked: how the keys begin that the server is to tell of when they change, every key where none is given; nil not to ask.
    init(
        connectingTo address: SocketAddress, name: String, greeting: [RedisCommand], tracked: [String]? = nil, limits: RedisLimits,
        on loop: EpollEventLoop, events: Events
    ) {
        self.address = address
        self.name = name
        self.greeting = greeting
        self.request = tracked.map(Self.trackingRequest) ?? []
        self.limits = limits
        self.loop = loop
        self.events = events
        do {
            self.socket = try StreamSocket.connect(
                to: address, on: loop, writeMarks: Self.writeMarks, receiveBuffer: nil, peerWatch: nil, receiver: self)
        } catch {
            // Called later, after this initializer has returned, so that the owner has the connection when it is told.
            loop.assumeIsolated().execute { self.end(RedisError(.unreachable, "\(name): \(String(cString: strerror(error.errnoCode)))")) }
        }
        self.connectLimit = loop.assumeIsolated().scheduleTask(in: TimeAmount(limits.connect)) {
            self.end(RedisError(.timedOut, "\(name): no connection within \(limits.connect)"))
        }
    }

    var isOpen: Bool { if case .open = self.state { true } else { false } }

    /// Whether the server has been asked for tracking, and has not answered.
    private var isAskingForTracking: Bool {
        if case .greeting = self.state { !self.request.isEmpty } else { false }
    }

    // MARK: Sending

    /// Sends a batch. Everything from one turn of the loop is sent with one system call.
    func send(_ batch: RedisBatch) {
        batch.sentAt = .now()
        self.waiting.append(batch)
        self.output.writeImmutableBuffer(batch.pipeline.bytes)
        self.flushSoon()
        self.checkAnswersLater()
    }

    /// Sends a command that has no answer, or whose answer comes as an announcement.
    func announce(_ command: RedisCommand) {
        command.write(into: &self.output)
        self.flushSoon()
    }

    /// Sends at the end of the loop's turn. A task for that would cost two system calls, since it wakes the loop.
    private func flushSoon() {
        guard !self.isFlushing else { return }
        self.isFlushing = true
        self.loop.deferTurn(of: self)
    }

    private func flush() {
        self.isFlushing = false
        guard let socket, self.output.readableBytes > 0 else { return }
        socket.write(self.output)
        socket.flush()
        // The memory is used again; what the kernel did not take is kept by the socket, and then these are other bytes.
        if self.output.storageCapacity > Self.keptOutputCapacity { self.output = ByteBuffer() } else { self.output.clear() }
    }

    private func checkAnswersLater() {
        guard self.answerCheck == nil else { return }
        self.answerCheck = self.loop.assumeIsolated().scheduleTask(in: TimeAmount(self.limits.answer / 4)) { self.checkAnswers() }
    }

    private func checkAnswers() {
        self.answerCheck = nil
        guard let oldest = self.waiting.first else { return }
        if NIODeadline.now() - oldest.sentAt >= TimeAmount(self.limits.answer) {
            let error = RedisError(.timedOut, "\(self.name): no answer within \(self.limits.answer)")
            let late = self.waiting
            self.waiting = []
            self.end(error)
            // These are not sent again, since that would only mean to wait again.
            for batch in late { batch.fail(error) }
        } else {
            self.checkAnswersLater()
        }
    }

    // MARK: The end

    func close() { self.end(RedisError(.closed, "\(self.name): closed")) }

    func end(_ error: RedisError) {
        if case .closed = self.state { return }
        let wasAsking = self.isAskingForTracking
        self.state = .closed
        self.connectLimit?.cancel()
        self.answerCheck?.cancel()
        self.answerCheck = nil
        self.heartbeat?.cancel()
        self.tracking?.isActive = false
        let (events, waiting) = (self.events, self.waiting)
        self.events = nil
        self.waiting = []
        self.socket?.close()
        self.socket = nil
        events?.closed(error, Array(waiting), wasAsking)
    }

    // MARK: From the socket

    func socketConnected() {
        guard case .connecting = self.state else { return }
        let commands = self.greeting + self.request
        if commands.isEmpty { return self.begin() }
        self.state = .greeting(commands.count)
        for command in commands { self.announce(command) }
    }

    private func begin() {
        self.state = .open
        self.connectLimit?.cancel()
        if self.tracking != nil {
            self.heartbeat = RepeatingTimer(every: Self.heartbeatInterval, on: self.loop) { [unowned self] in self.askForLife() }
        }
        self.events?.opened()
    }

    /// A connection that is cut off tells of nothing, and looks like one on which nothing changes. Without an answer in time it ends.
    private func askForLife() {
        guard let tracking, tracking.isUsed else { return }
        tracking.isUsed = false
        if NIODeadline.now() - self.heardAt >= Self.quiet { self.send(RedisBatch(Self.ping) { _ in }) }
    }

    func socketReceived(_ buffer: ByteBuffer) {
        self.heardAt = .now()
        self.tracking?.heardAt = self.heardAt
        if self.rest.readableBytes > 0 {
            self.rest.writeImmutableBuffer(buffer)
            self.read(&self.rest)
            self.rest = self.rest.compacted()
        } else {
            // Not kept beyond this call, so that the loop can use the memory again.
            var bytes = buffer
            self.read(&bytes)
            if bytes.readableBytes > 0 { self.rest = ByteBuffer(bytes: bytes.readableBytesView) }
        }
    }

    private func read(_ bytes: inout ByteBuffer) {
        do throws(RESPParser.Violation) {
            while let reply = try self.parser.next(&bytes) {
                self.received(reply)
                if case .closed = self.state { return }
            }
        } catch {
            self.end(RedisError(.malformed, "\(self.name): \(error.problem)"))
        }
    }

    private func received(_ reply: RedisValue) {
        if case .push(let elements) = reply {
            self.events?.pushed(elements)
            return
        }
        switch self.state {
        case .greeting(let left):
            let index = self.greeting.count + self.request.count - left
            if index < self.greeting.count {
                if let problem = self.problem(reply, at: index) { return self.end(RedisError(.refused, "\(self.name): \(problem)")) }
            } else {
                self.takeTracking(reply, at: index - self.greeting.count)
            }
            if left == 1 { self.begin() } else { self.state = .greeting(left - 1) }
        case .open:
            guard let batch = self.waiting.first else {
                self.events?.announced(reply)
                return
            }
            guard batch.take(reply) else { return }
            self.waiting.removeFirst()
            let events = self.events
            batch.succeed()
            events?.answered(batch)
        case .connecting, .closed: break
        }
    }

    /// A server that is too old knows neither command, and one may forbid them; then nothing is told. Without HELLO the second command may succeed, but
    /// messages could not come.
    private func takeTracking(_ reply: RedisValue, at index: Int) {
        if case .error(let text) = reply {
            self.tracking = nil
            if self.trackingProblem == nil { self.trackingProblem = text }
        } else if index == 0 {
            self.tracking = RedisTracking(heardAt: self.heardAt)
        }
    }

    /// Why this answer to the greeting is unacceptable; nil if it is not.
    private func problem(_ reply: RedisValue, at index: Int) -> String? {
        if self.greeting[index].arguments.first == Self.signOfLife.arguments.first { return nil }
        if case .error(let text) = reply { return text }
        guard self.greeting[index].arguments.first == Array("ROLE".utf8) else { return nil }
        let role = reply.elements?.first?.string
        return role == "master" ? nil : "the server is no master but \(role ?? "something else")"
    }

    func socketReadCompleted() {}

    func socketInputEnded() { self.end(RedisError(.disconnected, "\(self.name): the server closed the connection")) }

    func socketInputEndsSoon() {}

    func socketBecameWritable() {}

    func socketOutputClosed() {}

    func socketClosed(_ error: (any Error)?) {
        let isNew = if case .connecting = self.state { true } else { false }
        let reason = (error as? IOError).map { String(cString: strerror($0.errnoCode)) } ?? "the connection was closed"
        self.end(RedisError(isNew ? .unreachable : .disconnected, "\(self.name): \(reason)"))
    }
}

// MARK: - The end of the loop's turn

extension RedisConnection: ReadinessHandler {
    func runDeferred() { self.flush() }

    /// The socket owns the descriptor, and is told of its events and of the loop's end.
    func becameReady(_ events: ReadyEvents) {}
    func loopEnds() {}
}
