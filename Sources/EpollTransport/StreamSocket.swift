import CEpoll
package import NIOCore

#if canImport(Glibc)
import Glibc
#endif

/// A TCP connection on an event loop. Used on that loop's thread only.
///
/// Bytes are passed to the receiver as they come, unless reading is paused. Written bytes are sent by the next ``flush()``, or when the kernel has room for
/// them. Each direction ends separately.
///
/// The socket is watched edge-triggered: this object remembers whether it may be readable or writable, and a system call finds out whether it still is.
package final class StreamSocket: ReadinessHandler {
    private enum State {
        case connecting
        case open
        /// Writing has failed. What the peer sent before is still received, then the connection ends.
        case failing(any Error)
        case closed
    }

    /// What to do when all output has been sent.
    private enum Ending {
        case none
        case output
        case everything
    }

    /// How many times one connection is read in a turn before others are.
    private static let readsPerTurn = 4

    package let loop: EpollEventLoop
    package let descriptor: CInt
    /// Nil once closed, which breaks the reference cycle.
    @exclusivity(unchecked) private var receiver: (any StreamSocketReceiver)?
    private var watch: EpollEventLoop.Watch?
    @exclusivity(unchecked) private var state: State
    @exclusivity(unchecked) private var output = OutputQueue()
    private var ending = Ending.none
    private let marks: Range<Int>
    /// More bytes wait to be written than the upper mark allows; see ``isWritable``.
    private var isFull = false
    /// The kernel had no room for output, and has not reported since that it has.
    private var isBlocked: Bool
    private var watchesOutput: Bool
    /// There may be something to read.
    private var hasInput = false
    private var isPaused = false
    private var inputHasEnded = false
    private var outputIsShut = false
    /// The kernel has reported an error. It reports that only once, so this is remembered.
    private var mayHaveFailed = false
    /// The kernel has reported that the peer will send nothing more.
    private var inputEndsSoon = false
    private var isDeferred = false
    private var isFlushing = false
    /// Whether this side has made the connection. Then what the peer sent before it broke is an answer, and is read even while reading is paused.
    private let isOutgoing: Bool

    /// A connection that was accepted. The socket owns the descriptor from now on, even if it cannot be watched and this throws.
    ///
    /// - Parameter writeMarks: ``isWritable`` becomes false when the upper number of bytes waits, and true again when fewer than the lower one do.
    package init(_ descriptor: CInt, on loop: EpollEventLoop, writeMarks: Range<Int>) {
        self.descriptor = descriptor
        self.loop = loop
        self.marks = writeMarks
        self.state = .open
        self.isOutgoing = false
        self.isBlocked = false
        self.watchesOutput = false
    }

    /// Makes a new connection to `address`. The receiver is told of success or failure later, never during this call. There is no time limit.
    ///
    /// - Parameters:
    ///   - receiveBuffer: size of the kernel's receive buffer in bytes (SO_RCVBUF).
    ///   - peerWatch: nil leaves it to the kernel's defaults when a peer counts as gone.
    package static func connect(
        to address: SocketAddress, on loop: EpollEventLoop, writeMarks: Range<Int>, receiveBuffer: Int?, peerWatch: KeepAliveProbes? = nil,
        receiver: any StreamSocketReceiver
    ) throws(IOError) -> StreamSocket {
        let socket = try Self.connecting(
            to: address, on: loop, writeMarks: writeMarks, receiveBuffer: receiveBuffer, peerWatch: peerWatch)
        try socket.start(receiver)
        return socket
    }

    /// Begins to make a new connection to `address`, as `connect` does; the caller has to call `start` with a receiver.
    static func connecting(
        to address: SocketAddress, on loop: EpollEventLoop, writeMarks: Range<Int>, receiveBuffer: Int?, peerWatch: KeepAliveProbes?
    ) throws(IOError) -> StreamSocket {
        let family: CInt =
            switch address {
            case .v4: AF_INET
            case .v6: AF_INET6
            case .unixDomainSocket: AF_UNIX
            }
        let descriptor = Glibc.socket(family, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue), 0)
        guard descriptor >= 0 else { throw IOError(errnoCode: errno, reason: "socket") }
        let socket = StreamSocket(connecting: descriptor, on: loop, writeMarks: writeMarks)
        if let receiveBuffer { socket.set(SOL_SOCKET, SO_RCVBUF, CInt(clamping: receiveBuffer)) }
        if family != AF_UNIX {
            socket.set(CInt(IPPROTO_TCP), TCP_NODELAY, 1)
            peerWatch?.apply(to: descriptor)
        }
        let result = address.withSockAddr { pointer, size in Glibc.connect(descriptor, pointer, socklen_t(size)) }
        guard result == 0 || errno == EINPROGRESS else {
            let error = IOError(errnoCode: errno, reason: "connect")
            Glibc.close(descriptor)
            throw error
        }
        return socket
    }

    private init(connecting descriptor: CInt, on loop: EpollEventLoop, writeMarks: Range<Int>) {
        self.descriptor = descriptor
        self.loop = loop
        self.marks = writeMarks
        self.state = .connecting
        self.isOutgoing = true
        self.isBlocked = true
        self.watchesOutput = true
    }

    private func set(_ level: CInt, _ option: CInt, _ value: CInt) {
        var value = value
        setsockopt(self.descriptor, level, option, &value, socklen_t(MemoryLayout<CInt>.size))
    }

    /// Begins to receive. Throws when the kernel cannot watch the descriptor, which is closed then.
    package func start(_ receiver: any StreamSocketReceiver) throws(IOError) {
        self.receiver = receiver
        guard let watch = self.loop.watch(self.descriptor, self.watchesOutput ? Self.allEvents : Self.inputEvents, self) else {
            let error = IOError(errnoCode: errno, reason: "epoll_ctl")
            self.receiver = nil
            self.state = .closed
            Glibc.close(self.descriptor)
            throw error
        }
        self.watch = watch
    }

    private static let inputEvents: ReadyEvents = [.input, .inputEnd]
    private static let allEvents: ReadyEvents = [.input, .inputEnd, .output]

    package var isOpen: Bool {
        switch self.state {
        case .connecting, .open: true
        case .failing, .closed: false
        }
    }

    package var localAddress: SocketAddress? { self.isOpen ? SocketAddress(localEndOf: self.descriptor) : nil }

    // MARK: Readiness

    package func becameReady(_ events: ReadyEvents) {
        if case .connecting = self.state {
            guard !events.isDisjoint(with: [.output, .error, .hangUp]) else { return }
            if let error = self.pendingError() { return self.close(error) }
            self.state = .open
            self.isBlocked = false
            self.receiver?.socketConnected()
            self.flush()
        } else if !events.isDisjoint(with: [.output, .error, .hangUp]), self.isBlocked {
            self.isBlocked = false
            self.flush()
        }
        guard !events.isDisjoint(with: [.input, .inputEnd, .error, .hangUp]), self.isOpen else { return }
        if events.contains(.error) { self.mayHaveFailed = true }
        if self.reportsFailure() { return }
        if self.inputHasEnded { return }
        self.hasInput = true
        if !events.isDisjoint(with: [.inputEnd, .hangUp]) { self.inputEndsSoon = true }
        self.read()
    }

    /// Ends the connection if it has failed in a way that reading would not show, because reading is paused or there is nothing more to read.
    private func reportsFailure() -> Bool {
        guard self.mayHaveFailed, self.isPaused || self.inputHasEnded, let error = self.pendingError() else { return false }
        if self.isOutgoing, !self.inputHasEnded {
            self.state = .failing(error)
            self.receiveLast(then: error)
        } else {
            self.close(error)
        }
        return true
    }

    /// The error since this was last asked; nil if there was none.
    private func pendingError() -> IOError? {
        var code: CInt = 0
        var size = socklen_t(MemoryLayout<CInt>.size)
        getsockopt(self.descriptor, SOL_SOCKET, SO_ERROR, &code, &size)
        return code == 0 ? nil : IOError(errnoCode: code, reason: "connection")
    }

    package func runDeferred() {
        self.isDeferred = false
        if case .failing(let error) = self.state { self.receiveLast(then: error) } else { self.read() }
    }

    private func deferTurn() {
        if self.isDeferred { return }
        self.isDeferred = true
        self.loop.deferTurn(of: self)
    }

    package func loopEnds() {
        self.close(EventLoopError.shutdown)
    }

    // MARK: Reading

    private enum ReadOutcome {
        case bytes
        /// Nothing for now.
        case nothing
        case end
        case failed(IOError)
    }

    private func read() {
        var reads = 0
        var outcome = ReadOutcome.nothing
        while self.hasInput, !self.isPaused, reads < Self.readsPerTurn, case .open = self.state {
            outcome = self.readOnce()
            guard case .bytes = outcome else { break }
            reads += 1
        }
        // The receiver is told that the read is complete before it is told what follows.
        if reads > 0 { self.receiver?.socketReadCompleted() }
        switch outcome {
        case .bytes, .nothing: break
        case .end: if case .open = self.state { self.inputEnded() }
        case .failed(let error): self.close(error)
        }
        guard self.isOpen else { return }
        if self.reportsFailure() { return }
        guard self.hasInput else { return }
        if !self.isPaused {
            self.deferTurn()
        } else if self.inputEndsSoon {
            self.receiver?.socketInputEndsSoon()
        }
    }

    @inline(__always)
    private func readOnce() -> ReadOutcome {
        let descriptor = self.descriptor
        var room = 0
        let count = self.loop.scratch.withUnsafeMutableWritableBytes { bytes in
            room = bytes.count
            return recv(descriptor, bytes.baseAddress, room, 0)
        }
        if count > 0 {
            // A read that does not fill the buffer has taken everything (epoll(7)); only the end may follow.
            if count < room, !self.inputEndsSoon { self.hasInput = false }
            self.loop.scratch.moveWriterIndex(forwardBy: count)
            self.receiver?.socketReceived(self.loop.scratch)
            self.loop.scratch.clear()
            return .bytes
        }
        let reason = count == 0 ? 0 : errno
        if reason == EINTR { return .nothing }  // there is input still, and another turn
        self.hasInput = false
        return switch reason {
        case 0: .end
        case EAGAIN: .nothing
        default: .failed(IOError(errnoCode: reason, reason: "recv"))
        }
    }

    private func inputEnded() {
        self.inputHasEnded = true
        self.receiver?.socketInputEnded()
        if self.outputIsShut { self.close() }
    }

    package func pauseReading() {
        self.isPaused = true
    }

    /// Reads again after a pause. Input that is there already is read in the loop's next turn.
    package func resumeReading() {
        guard self.isPaused else { return }
        self.isPaused = false
        if self.hasInput, self.isOpen { self.deferTurn() }
    }

    // MARK: Writing

    /// Bytes that were written and have not been sent.
    package var waitingBytes: Int { self.output.byteCount }

    package var isWritable: Bool { !self.isFull && self.isOpen }

    /// Keeps the bytes for the next ``flush()``.
    ///
    /// - Parameter promise: succeeds when the kernel has taken the bytes; fails if that can no longer happen.
    @inline(__always)
    package func write(_ buffer: ByteBuffer, promise: EventLoopPromise<Void>? = nil) {
        guard self.isOpen, case .none = self.ending else {
            promise?.fail(self.isOpen ? ChannelError.outputClosed : ChannelError.ioOnClosedChannel)
            return
        }
        self.output.append(self.isBlocked ? buffer.compacted() : buffer, promise)
        if self.output.byteCount >= self.marks.upperBound { self.isFull = true }
    }

    package func flush() {
        if self.isFlushing { return }  // whoever is told that there is room writes, which the loop below sees
        self.isFlushing = true
        while !self.output.isEmpty, !self.isBlocked, case .open = self.state {
            let count = self.output.send(to: self.descriptor)
            if count < 0 {
                switch errno {
                case EINTR: continue
                case EAGAIN: self.becomeBlocked()
                default: self.fail(IOError(errnoCode: errno, reason: "send"))
                }
            } else {
                for promise in self.output.drop(count) { promise.succeed() }
            }
            if self.isFull, self.output.byteCount < self.marks.lowerBound, self.isOpen {
                self.isFull = false
                self.receiver?.socketBecameWritable()
            }
        }
        self.isFlushing = false
        guard self.output.isEmpty, case .open = self.state else { return }
        switch self.ending {
        case .none: break
        case .output: self.shutOutput()
        case .everything: self.close()
        }
    }

    private func becomeBlocked() {
        self.isBlocked = true
        self.output.compact()
        guard !self.watchesOutput, let watch else { return }
        self.watchesOutput = true
        self.loop.change(watch, to: Self.allEvents)
    }

    /// Writing has failed because the peer takes nothing more; it may have sent the reason, which is still read.
    private func fail(_ error: IOError) {
        self.state = .failing(error)
        for promise in self.output.clear() { promise.fail(error) }
        self.deferTurn()
    }

    /// Receives what is left, and then reports the error instead of the end of input.
    private func receiveLast(then error: any Error) {
        self.hasInput = !self.inputHasEnded
        var hasRead = false
        while self.hasInput, self.isOutgoing || !self.isPaused, case .failing = self.state, case .bytes = self.readOnce() { hasRead = true }
        if hasRead { self.receiver?.socketReadCompleted() }
        self.close(error)
    }

    // MARK: The end

    /// Closes for sending, after all output. What the peer sends is still received.
    package func closeOutput() {
        guard self.isOpen, case .none = self.ending else { return }
        self.ending = .output
        self.flush()
    }

    private func shutOutput() {
        if self.outputIsShut { return }
        self.outputIsShut = true
        shutdown(self.descriptor, CInt(SHUT_WR))
        self.receiver?.socketOutputClosed()
        if self.inputHasEnded { self.close() }
    }

    /// Closes when all output has been sent.
    package func closeWhenFlushed() {
        guard self.isOpen else { return }
        self.ending = .everything
        if case .connecting = self.state, self.output.isEmpty { return self.close() }
        self.flush()
    }

    /// Closes with a reset (socket(7), SO_LINGER), so that the peer cannot take what it has received for everything.
    package func reset() {
        guard self.isOpen else { return }
        self.endWithReset()
        self.close()
    }

    /// Makes every later close of the socket a reset.
    package func endWithReset() {
        guard self.isOpen else { return }
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(self.descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
    }

    /// Closes now. Unsent output is lost.
    package func close() {
        self.close(nil)
    }

    private func close(_ error: (any Error)?) {
        if case .closed = self.state { return }
        self.state = .closed
        if let watch { self.loop.forget(watch) }
        self.watch = nil
        Glibc.close(self.descriptor)
        for promise in self.output.clear() { promise.fail(error ?? ChannelError.ioOnClosedChannel) }
        let receiver = self.receiver
        self.receiver = nil
        receiver?.socketClosed(error)
    }
}
