import NIOCore
import NIOHTTP2

/// A connection on which browser and proxy have agreed on HTTP/2: every stream gets a ``ClientConnection`` of its own, and this one
/// only stands for the connection as a whole, where connections are counted, drained and closed.
extension ClientConnection {
    /// Streams one client may have open at once (RFC 9113 §6.5.2 recommends no fewer).
    private static let streamLimit = 100

    func becomeHTTP2(_ context: ChannelHandlerContext) {
        guard self.request.becomeStreams() else { return }
        self.carriesStreams = true
        self.deadline = .distantFuture
        let limits = self.worker.limits
        // GOAWAY to clients that have nothing open for this long. No PING asks whether a client is still there: TCP does, and one that is
        // busy with its streams may be slow to answer.
        let management = NIOHTTP2ServerConnectionManagementHandler(
            eventLoop: context.eventLoop,
            configuration: .init(maxIdleTime: limits.keepAlive, maxAge: nil, maxGraceTime: nil, keepalive: nil))
        let worker = NIOLoopBound(self.worker, eventLoop: context.eventLoop)
        let waiting = WaitingFrames()
        let frames = NIOLoopBound(waiting, eventLoop: context.eventLoop)
        let client = self.visitor.address
        let handler = NIOHTTP2Handler(
            mode: .server, eventLoop: context.eventLoop, connectionConfiguration: Self.connectionConfiguration(limits),
            streamConfiguration: Self.streamConfiguration(limits),
            streamDelegate: StreamCounter(
                management: management.http2StreamDelegate, frames: frames, connection: NIOLoopBound(self, eventLoop: context.eventLoop))
        ) { stream in
            stream.eventLoop.makeCompletedFuture {
                let pipeline = stream.pipeline.syncOperations
                guard worker.value.limiter.admits(client?.owner) else {
                    worker.value.metrics.connectionsRefused += 1
                    return try pipeline.addHandler(RefusedStream())
                }
                try pipeline.addHandlers(
                    HTTP2Bridge(worker: worker.value, waiting: frames.value), ClientConnection(worker: worker.value, role: .stream(client: client)))
            }
        }
        do {
            let pipeline = context.pipeline.syncOperations
            try pipeline.addHandlers([waiting, handler, management], position: .before(self))
            // The connection has been active for long; the idle time begins now.
            try pipeline.context(handler: handler).fireChannelActive()
            self.armStreamlessDeadline(self.worker.limits.keepAlive)
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
        guard self.isPaused else { return }
        self.deadline = .distantFuture
        if self.streamCount == 0 { self.armStreamlessDeadline(self.worker.limits.keepAlive) }
        self.resumeReading()
    }

    /// Without a stream the connection is told to end after `limit`, and is closed when that leads to nothing.
    private func armStreamlessDeadline(_ limit: TimeAmount) {
        self.deadline = .now() + limit + self.worker.limits.farewell
    }

    fileprivate func streamCountChanged(by change: Int) {
        self.streamCount += change
        guard self.request.carriesStreams, !self.isPaused else { return }
        if self.streamCount > 0 {
            self.deadline = .distantFuture
        } else {
            self.armStreamlessDeadline(self.worker.isDraining ? .zero : self.worker.limits.keepAlive)
        }
    }

    /// Tells the client to make no more streams, and ends once those it has are done.
    func quiesce() {
        guard case .handlers(let context) = self.transport else { return }
        context.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        if self.streamCount == 0, !self.isPaused { self.armStreamlessDeadline(.zero) }
    }
}

/// Tells the connection, too, of each stream that begins and ends.
private struct StreamCounter: NIOHTTP2StreamDelegate {
    let management: NIOHTTP2ServerConnectionManagementHandler.HTTP2StreamDelegate
    let frames: NIOLoopBound<WaitingFrames>
    let connection: NIOLoopBound<ClientConnection>

    func streamCreated(_ id: HTTP2StreamID, channel: any Channel) {
        self.management.streamCreated(id, channel: channel)
        self.frames.value.opened(id)
        self.connection.value.streamCountChanged(by: 1)
    }

    func streamClosed(_ id: HTTP2StreamID, channel: any Channel) {
        self.management.streamClosed(id, channel: channel)
        self.frames.value.closed(id)
        self.connection.value.streamCountChanged(by: -1)
    }
}
