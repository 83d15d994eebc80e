import NIOCore
import NIOHTTP2

/// A connection on which browser and proxy have agreed on HTTP/2: every stream gets a ``ClientConnection`` of its own, and this one
/// only stands for the connection as a whole, where connections are counted, drained and closed.
extension ClientConnection {
    /// Streams one client may have open at once (RFC 9113 §6.5.2 recommends no fewer).
    private static let streamLimit = 100

    func becomeHTTP2(_ context: ChannelHandlerContext) {
        guard self.phase == .head else { return }
        self.phase = .http2
        self.carriesStreams = true
        self.deadline = .distantFuture
        let limits = self.worker.limits
        // GOAWAY to clients that have nothing open for this long, and pings to those that may be gone.
        let management = NIOHTTP2ServerConnectionManagementHandler(
            eventLoop: context.eventLoop,
            configuration: .init(
                maxIdleTime: limits.keepAlive, maxAge: nil, maxGraceTime: nil,
                keepalive: .init(pingInterval: limits.keepAliveProbe, ackTimeout: limits.keepAliveProbeInterval)))
        let worker = NIOLoopBound(self.worker, eventLoop: context.eventLoop)
        let client = self.clientAddress
        let handler = NIOHTTP2Handler(
            mode: .server, eventLoop: context.eventLoop, connectionConfiguration: Self.connectionConfiguration(limits),
            streamConfiguration: Self.streamConfiguration(limits), streamDelegate: management.http2StreamDelegate
        ) { stream in
            stream.eventLoop.makeCompletedFuture {
                let pipeline = stream.pipeline.syncOperations
                guard worker.value.census.admits(client?.owner) else {
                    worker.value.metrics.connectionsRefused += 1
                    return try pipeline.addHandler(RefusedStream())
                }
                try pipeline.addHandlers(
                    HTTP2Bridge(worker: worker.value), ClientConnection(worker: worker.value, role: .stream(client: client)))
            }
        }
        do {
            let pipeline = context.pipeline.syncOperations
            try pipeline.addHandlers([handler, management], position: .before(self))
            // The connection has been active for long; the idle time begins now.
            try pipeline.context(handler: handler).fireChannelActive()
            if self.worker.isDraining { self.quiesce() }
        } catch {
            self.close()
        }
    }

    private static func connectionConfiguration(_ limits: ProxyLimits) -> NIOHTTP2Handler.ConnectionConfiguration {
        var configuration = NIOHTTP2Handler.ConnectionConfiguration()
        configuration.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: Self.streamLimit),
            HTTP2Setting(parameter: .maxHeaderListSize, value: limits.headBytes),
            HTTP2Setting(parameter: .enablePush, value: 0),
        ]
        return configuration
    }

    private static func streamConfiguration(_ limits: ProxyLimits) -> NIOHTTP2Handler.StreamConfiguration {
        var configuration = NIOHTTP2Handler.StreamConfiguration()
        configuration.outboundBufferSizeLowWatermark = limits.writeBufferBytes.lowerBound
        configuration.outboundBufferSizeHighWatermark = limits.writeBufferBytes.upperBound
        return configuration
    }

    /// The client does not take what its streams are given: no frame is read until it does, and after some time it is given up.
    func stopStreams() {
        self.pauseReading()
        self.deadline = .now() + self.worker.limits.writeIdle
    }

    /// The client has taken enough of what waited for it.
    func readStreamsOn() {
        self.deadline = .distantFuture
        if self.isPaused { self.resumeReading() }
    }

    /// Tells the client to make no more streams, and ends once those it has are done.
    func quiesce() {
        guard case .handlers(let context) = self.transport else { return }
        context.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
    }
}
