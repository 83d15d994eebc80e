import EpollTransport
import NIOCore

/// A connection to a backend. Decides nothing: tells its client connection what happened and does what it is told.
/// Between two exchanges it has no client and waits in its pool.
final class UpstreamConnection {
    let pool: UpstreamPool
    /// Since when it waits for the next request.
    private(set) var idleSince: NIODeadline = .distantFuture
    /// Nil while idle, and once either side has let go, which breaks the cycle. Not weak: a weak reference makes every retain and release of the
    /// client connection go through a side table.
    private var client: ClientConnection?
    private var socket: StreamSocket?
    private var isConnected = false
    private var inputHasEnded = false
    /// Ends it when what was written does not leave in time.
    private var cut: Scheduled<Void>?

    /// Asks for a connection. The client is told what became of it.
    init(connectingTo pool: UpstreamPool, for client: ClientConnection) throws(IOError) {
        self.pool = pool
        self.client = client
        let limits = client.worker.limits
        self.socket = try StreamSocket.connect(
            to: pool.address, on: client.worker.eventLoop, writeMarks: limits.writeBufferBytes,
            receiveBuffer: limits.upstreamReceiveBufferBytes, peerWatch: client.worker.peerWatch, receiver: self)
    }

    // MARK: From the pool

    func becomeIdle(since now: NIODeadline) {
        self.client = nil
        self.idleSince = now
        self.resumeReading()
    }

    @inline(__always)
    func serve(_ client: ClientConnection) {
        self.client = client
    }

    // MARK: From the client connection

    var isWritable: Bool { self.socket?.isWritable ?? false }

    @inline(__always)
    func write(_ buffer: ByteBuffer) { self.socket?.write(buffer) }

    @inline(__always)
    func flush() { self.socket?.flush() }

    func closeOutput() { self.socket?.closeOutput() }

    func close() {
        self.client = nil
        self.socket?.close()
    }

    /// Closes once everything written has left, or when that takes too long.
    func closeAfterFlush(within limit: TimeAmount) {
        self.client = nil
        guard let socket else { return }
        socket.closeWhenFlushed()
        guard socket.isOpen else { return }
        self.cut = socket.loop.assumeIsolated().scheduleTask(in: limit) { socket.close() }
    }

    func pauseReading() { self.socket?.pauseReading() }

    func resumeReading() { self.socket?.resumeReading() }
}

extension UpstreamConnection: StreamSocketReceiver {
    func socketConnected() {
        self.isConnected = true
        guard let client else { return self.close() }
        client.upstreamConnected(self)
    }

    func socketReceived(_ buffer: ByteBuffer) {
        guard let client else { return self.spokeUnasked() }
        client.upstreamRead(self, buffer)
    }

    /// What a backend says without being asked must not become the answer to the next request.
    private func spokeUnasked() {
        self.pool.forget(self)
        self.close()
    }

    func socketReadCompleted() { self.client?.upstreamReadCompleted() }

    func socketInputEnded() {
        self.inputHasEnded = true
        guard let client else { return self.spokeUnasked() }
        client.upstreamEnded(self, clean: true)
    }

    /// What it has sent is read before, when the client takes it.
    func socketInputEndsSoon() {}

    func socketBecameWritable() { self.client?.upstreamBecameWritable() }

    func socketOutputClosed() {}

    func socketClosed(_ error: (any Error)?) {
        self.socket = nil
        self.cut?.cancel()
        let client = self.client
        self.client = nil
        guard let client else { return self.pool.forget(self) }
        if !self.isConnected {
            client.upstreamNotConnected(self, error)
        } else {
            if !self.inputHasEnded { client.upstreamEnded(self, clean: error == nil) }
            client.upstreamClosed(self)
        }
    }
}
