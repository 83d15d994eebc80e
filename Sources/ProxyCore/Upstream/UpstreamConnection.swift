import EpollTransport
import NIOCore
import NIOSSL

#if canImport(Glibc)
import Glibc
#endif

/// A connection to a backend. It decides nothing: it tells its ``ClientConnection`` what happened and does what that says. Between two exchanges it has no
/// client and waits in its pool.
final class UpstreamConnection {
    let pool: UpstreamPool
    /// When the connection began to wait for its next request.
    private(set) var idleSince: NIODeadline = .distantFuture
    /// Nil while idle, and once either side has let go of the other, which breaks the reference cycle. A weak reference would make every retain and release
    /// of the client connection slower, since those would go through a side table.
    private var client: ClientConnection?
    private let loop: EpollEventLoop
    /// The socket or the handlers of TLS; `none` once the connection is closed.
    @exclusivity(unchecked) var transport = ClientTransport.none
    private var isPaused = false
    /// The handlers of TLS were asked to read while paused.
    private var heldBackRead = false
    private var isConnected = false
    private var inputHasEnded = false
    /// The task that closes the connection when its output is not sent in time.
    private var cut: Scheduled<Void>?

    /// Starts to connect. The client is told whether that worked.
    init(connectingTo pool: UpstreamPool, for client: ClientConnection) throws(IOError) {
        self.pool = pool
        self.client = client
        self.loop = client.worker.eventLoop
        let worker = client.worker
        let limits = worker.limits
        if let tls = pool.tls {
            try self.connect(tls, worker)
            return
        }
        self.transport = .socket(
            try StreamSocket.connect(
                to: pool.address, on: worker.eventLoop, writeMarks: limits.writeBufferBytes,
                receiveBuffer: limits.upstreamReceiveBufferBytes, peerWatch: worker.peerWatch, receiver: self))
    }

    private func connect(_ tls: UpstreamTLS, _ worker: ProxyWorker) throws(IOError) {
        let channel = try StreamSocketChannel.connect(
            to: self.pool.address, on: worker.eventLoop, writeMarks: worker.limits.writeBufferBytes,
            receiveBuffer: worker.limits.upstreamReceiveBufferBytes, peerWatch: worker.peerWatch)
        do {
            let handler = try NIOSSLClientHandler(context: tls.context, serverHostname: tls.serverName)
            try channel.addEncryptingHandler(handler)
            try channel.pipeline.syncOperations.addHandler(UpstreamHandler(self))
        } catch {
            // A server name that SNI cannot carry, such as an address.
            channel.close(promise: nil)
            throw IOError(errnoCode: EINVAL, reason: "\(error)")
        }
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

    var isWritable: Bool { self.transport.isWritable }

    @inline(__always)
    func write(_ buffer: ByteBuffer) { self.transport.write(buffer) }

    @inline(__always)
    func flush() { self.transport.flush() }

    func closeOutput() { self.transport.closeOutput() }

    func close() {
        self.client = nil
        self.transport.close()
    }

    /// Closes once all output has been sent, at the latest after `limit`.
    func closeAfterFlush(within limit: TimeAmount) {
        self.client = nil
        let transport = self.transport
        transport.closeWhenFlushed { transport.close() }
        guard transport.isOpen else { return }
        self.cut = self.loop.assumeIsolated().scheduleTask(in: limit) { transport.close() }
    }

    func pauseReading() {
        self.isPaused = true
        self.transport.pauseReading()
    }

    func resumeReading() {
        let isOwed = self.heldBackRead
        self.heldBackRead = false
        self.isPaused = false
        self.transport.resumeReading(isOwed: isOwed)
    }

    /// Whether the handlers of TLS may read now. If not, they are asked to after the pause.
    func mayRead() -> Bool {
        if self.isPaused { self.heldBackRead = true }
        return !self.isPaused
    }
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

    /// Closes a connection on which a backend sends without a request: those bytes must not become the answer to the next request.
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

    /// Nothing to do: what the backend has sent before the end is read first, when the client takes it.
    func socketInputEndsSoon() {}

    func socketBecameWritable() { self.client?.upstreamBecameWritable() }

    func socketOutputClosed() {}

    func socketClosed(_ error: (any Error)?) {
        self.transport = .none
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
