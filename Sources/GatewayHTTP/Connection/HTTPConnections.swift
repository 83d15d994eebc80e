import EpollTransport
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1

/// Connections on which requests of HTTP/1.1 are answered.
///
/// Everything happens on the event loop of the connection. A task runs only while a request is being answered, so that a connection that waits, or whose
/// answer is a stream that the statuses of a backend are pushed into, holds little memory.
struct HTTPConnections: ServerChildChannel {
    var deadlines = HTTPDeadlines()
    let respond: RequestHandler.Responder

    struct Value: ServerChildChannelValue {
        let channel: any Channel
    }

    /// What is being answered on a connection is given up.
    struct Abandonment: Sendable {}

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            let decoder = HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, informationalResponseStrategy: .drop, limitConfiguration: HTTPLimits.decoder)
            // The channel keeps its last buffer, and a usual request is short.
            try channel.syncOptions?.setOption(
                ChannelOptions.recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 1024, maximum: 65_536))
            // What is read at once may be requests that have to wait for the one before.
            try channel.syncOptions?.setOption(ChannelOptions.maxMessagesPerRead, value: 1)
            let pipeline = channel.pipeline.syncOperations
            // A stream, and a connection whose client has not taken its answer, may be silent for ever.
            try pipeline.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { self.deadlines.peerWatch.apply(to: $0) }
            try pipeline.addHandler(ByteToMessageHandler(decoder, maximumBufferSize: HTTPLimits.undecodedBytes))
            try pipeline.addHandler(RequestHandler(loop: channel.eventLoop, deadlines: self.deadlines, respond: self.respond))
            return Value(channel: channel)
        }
    }

    /// Returns when the connection is closed. Cancelling the task closes it.
    func handle(value: Value, logger: Logger) async {
        await withTaskCancellationHandler {
            // That a connection ends with an error is noticed by who answers on it.
            try? await value.channel.closeFuture.get()
        } onCancel: {
            value.channel.pipeline.fireUserInboundEventTriggered(Abandonment())
        }
    }
}
