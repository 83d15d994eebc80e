import NIOCore
import Synchronization

/// Answers the questions of one TCP connection, each as soon as it is complete, in the order in which they come (RFC 7766 §6.2.1).
///
/// The memory of a connection is limited: the bytes of one read, and the answers that the kernel and one buffer hold. While a client does not take its
/// answers, no further question of it is answered or read. The connection ends after `idleTimeout` without a complete question, so a client cannot keep it by
/// sending a byte now and then.
final class StreamHandler<Source: RecordSource>: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Longest question over TCP. A client that announces a longer one is disconnected.
    private static var maximumQuestionBytes: Int { 4096 }

    private let responder: Responder<Source>
    private let counters: ServerCounters
    private let idleTimeout: TimeAmount
    private let slot: ConnectionTable.ConnectionSlot
    private var received = ByteBuffer()
    private var lastQuestion = NIODeadline.now()
    private var idleCheck: Scheduled<Void>?
    private var isReadHeld = false

    init(responder: Responder<Source>, counters: ServerCounters, idleTimeout: TimeAmount, slot: ConnectionTable.ConnectionSlot) {
        self.responder = responder
        self.counters = counters
        self.idleTimeout = idleTimeout
        self.slot = slot
    }

    func channelActive(context: ChannelHandlerContext) {
        self.lastQuestion = .now()
        self.scheduleIdleCheck(context: context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.idleCheck?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = self.unwrapInboundIn(data)
        self.received.writeBuffer(&bytes)
        self.answerWaiting(context: context)
    }

    /// Answers the complete questions that have come, as long as the client takes the answers.
    private func answerWaiting(context: ChannelHandlerContext) {
        while context.channel.isWritable, let length = self.received.getInteger(at: self.received.readerIndex, as: UInt16.self) {
            guard Int(length) <= Self.maximumQuestionBytes else {
                self.counters.ignored.add(1, ordering: .relaxed)
                context.close(promise: nil)
                return
            }
            guard self.received.readableBytes >= 2 + Int(length) else { break }
            self.received.moveReaderIndex(forwardBy: 2)
            guard let message = self.received.readSlice(length: Int(length)), let response = self.responder.response(to: message, over: .tcp)
            else {
                // A message that is not a question ends the connection.
                self.counters.ignored.add(1, ordering: .relaxed)
                context.close(promise: nil)
                return
            }
            self.counters.tcpQuestions.add(1, ordering: .relaxed)
            self.counters.count(response.outcome.code)
            self.lastQuestion = .now()
            self.slot.wasUsed(at: self.lastQuestion)
            context.write(self.wrapOutboundOut(response.bytes), promise: nil)
        }
        self.received.discardReadBytes()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.flush()
    }

    func read(context: ChannelHandlerContext) {
        self.isReadHeld = !context.channel.isWritable
        if !self.isReadHeld { context.read() }
    }

    /// Continues to answer when the client has taken answers. Called again if these answers fill the buffer again.
    func channelWritabilityChanged(context: ChannelHandlerContext) {
        guard context.channel.isWritable else { return }
        self.answerWaiting(context: context)
        context.flush()
        guard self.isReadHeld, context.channel.isActive, context.channel.isWritable else { return }
        self.isReadHeld = false
        context.read()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func scheduleIdleCheck(context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        self.idleCheck = context.eventLoop.scheduleTask(deadline: self.lastQuestion + self.idleTimeout) {
            let (handler, context) = bound.value
            guard .now() < handler.lastQuestion + handler.idleTimeout else {
                context.close(promise: nil)
                return
            }
            handler.scheduleIdleCheck(context: context)
        }
    }
}
