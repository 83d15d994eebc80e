import NIOCore

/// Where the pieces of a streamed body are written, from any thread.
final class StreamOutlet: Sendable {
    private let handler: NIOLoopBound<RequestHandler>
    private let exchange: UInt64

    /// - Parameter exchange: the number of the request on its connection that the stream answers.
    init(_ handler: RequestHandler, exchange: UInt64, loop: any EventLoop) {
        self.handler = NIOLoopBound(handler, eventLoop: loop)
        self.exchange = exchange
    }

    /// Writes a piece, and returns when it is in the kernel.
    func write(_ bytes: [UInt8]) async throws {
        let loop = self.handler.eventLoop
        // Nearly always it is the loop's own task that writes.
        let written = loop.inEventLoop ? self.writeNow(bytes) : loop.flatSubmit { self.writeNow(bytes) }
        try await written.get()
    }

    private func writeNow(_ bytes: [UInt8]) -> EventLoopFuture<Void> {
        let promise = self.handler.eventLoop.makePromise(of: Void.self)
        self.handler.value.write(bytes, of: self.exchange, promise: promise)
        return promise.futureResult
    }

    /// Writes a piece without waiting. A client that does not read what was written before loses the stream, or only this piece where it means nothing.
    /// - Parameter isVital: whether the client would miss the piece.
    func push(_ bytes: [UInt8], isVital: Bool) {
        self.onLoop { $0.push(bytes, isVital: isVital, of: $1) }
    }

    /// Ends the stream.
    func finish() {
        self.onLoop { $0.finishStream($1) }
    }

    /// Closes the connection, because the rest of the body cannot be made.
    func breakOff() {
        self.onLoop { $0.breakOff($1) }
    }

    private func onLoop(_ work: @escaping @Sendable (RequestHandler, UInt64) -> Void) {
        let (handler, exchange) = (self.handler, self.exchange)
        if handler.eventLoop.inEventLoop { work(handler.value, exchange) } else { handler.eventLoop.execute { work(handler.value, exchange) } }
    }
}

/// Writes the pieces of a body, each at once, because some clients expect one event in each piece.
struct PieceWriter {
    private let outlet: StreamOutlet

    init(_ outlet: StreamOutlet) {
        self.outlet = outlet
    }

    mutating func write(_ bytes: [UInt8]) async throws { try await self.outlet.write(bytes) }
}
