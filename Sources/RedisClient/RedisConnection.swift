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
        /// Called last, with the batches that have no answer. Those that had waited too long have failed before and are not among them.
        var closed: (RedisError, [RedisBatch]) -> Void
        /// Called with a message that answers no command.
        var announced: (RedisValue) -> Void = { _ in }
        var answered: (RedisBatch) -> Void = { _ in }
    }

    let address: SocketAddress
    private let loop: EpollEventLoop
    private let greeting: [RedisCommand]
    private let limits: RedisLimits
    private let name: String
    /// Nil once closed, which breaks the reference cycle.
    private var events: Events?
    private var socket: StreamSocket?
    private var state = State.connecting
    private var parser = RESPParser()
    private var input = ByteBuffer()
    private var output = ByteBuffer()
    private var isFlushing = false
    private(set) var waiting: Deque<RedisBatch> = []
    private var connectLimit: Scheduled<Void>?
    private var answerCheck: Scheduled<Void>?
    /// When bytes last came.
    private(set) var heardAt = NIODeadline.now()

    private static let writeMarks = (256 * 1024)..<(512 * 1024)

    /// - Parameter name: the server's name, for messages.
    init(
        connectingTo address: SocketAddress, name: String, greeting: [RedisCommand], limits: RedisLimits, on loop: EpollEventLoop, events: Events
    ) {
        self.address = address
        self.name = name
        self.greeting = greeting
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

    // MARK: Sending

    /// Sends a batch. Everything from one turn of the loop is sent with one system call.
    func send(_ batch: RedisBatch) {
        batch.sentAt = .now()
        self.waiting.append(batch)
        for command in batch.commands { command.write(into: &self.output) }
        self.flushSoon()
        self.checkAnswersLater()
    }

    /// Sends a command that has no answer, or whose answer comes as an announcement.
    func announce(_ command: RedisCommand) {
        command.write(into: &self.output)
        self.flushSoon()
    }

    private func flushSoon() {
        guard !self.isFlushing else { return }
        self.isFlushing = true
        self.loop.assumeIsolated().execute { self.flush() }
    }

    private func flush() {
        self.isFlushing = false
        guard let socket, self.output.readableBytes > 0 else { return }
        let output = self.output
        self.output = ByteBuffer()
        socket.write(output)
        socket.flush()
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
        self.state = .closed
        self.connectLimit?.cancel()
        self.answerCheck?.cancel()
        self.answerCheck = nil
        let (events, waiting) = (self.events, self.waiting)
        self.events = nil
        self.waiting = []
        self.socket?.close()
        self.socket = nil
        events?.closed(error, Array(waiting))
    }

    // MARK: From the socket

    func socketConnected() {
        guard case .connecting = self.state else { return }
        if self.greeting.isEmpty { return self.begin() }
        self.state = .greeting(self.greeting.count)
        for command in self.greeting { self.announce(command) }
    }

    private func begin() {
        self.state = .open
        self.connectLimit?.cancel()
        self.events?.opened()
    }

    func socketReceived(_ buffer: ByteBuffer) {
        self.heardAt = .now()
        if self.input.readableBytes == 0 { self.input = buffer } else { self.input.writeImmutableBuffer(buffer) }
        do throws(RESPParser.Violation) {
            while let reply = try self.parser.next(&self.input) {
                self.received(reply)
                if case .closed = self.state { return }
            }
        } catch {
            self.end(RedisError(.malformed, "\(self.name): \(error.problem)"))
        }
    }

    private func received(_ reply: RedisValue) {
        switch self.state {
        case .greeting(let left):
            if let problem = self.problem(reply, at: self.greeting.count - left) {
                return self.end(RedisError(.refused, "\(self.name): \(problem)"))
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

    /// Why this answer to the greeting is unacceptable; nil if it is not.
    private func problem(_ reply: RedisValue, at index: Int) -> String? {
        if case .error(let text) = reply { return text }
        guard self.greeting[index].arguments.first == Array("ROLE".utf8) else { return nil }
        let role = reply.elements?.first?.string
        return role == "master" ? nil : "the server is no master but \(role ?? "something else")"
    }

    func socketReadCompleted() {
        if self.input.readableBytes > 0 { self.input = self.input.compacted() } else { self.input = ByteBuffer() }
    }

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
