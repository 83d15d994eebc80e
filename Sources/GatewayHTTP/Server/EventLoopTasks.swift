import HummingbirdCore
import Logging
import NIOCore

/// Serves each connection on the connection's own event loop.
///
/// On Swift's own threads each part of a request, and each part of its answer, would wake another thread. Nothing that serves requests may block.
struct ServedOnEventLoop<Base: ServerChildChannel>: ServerChildChannel where Base.Value: EventLoopBound {
    let base: Base

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Base.Value> { self.base.setup(channel: channel, logger: logger) }

    func handle(value: Base.Value, logger: Logger) async {
        await withTaskExecutorPreference(EventLoopTasks(loop: value.eventLoop)) { await self.base.handle(value: value, logger: logger) }
    }
}

/// Does what looks at all backends, which may take long, on one of Swift's own threads. Meanwhile the event loop serves its other connections.
func awayFromEventLoop<Value, Failure: Error>(_ work: () throws(Failure) -> Value) async throws(Failure) -> Value {
    try await withTaskExecutorPreference(globalConcurrentExecutor) { () async throws(Failure) -> Value in try work() }
}

/// A connection of which it is known where it lives.
protocol EventLoopBound {
    var eventLoop: any EventLoop { get }
}

extension NIOAsyncChannel: EventLoopBound {
    var eventLoop: any EventLoop { self.channel.eventLoop }
}

/// Runs tasks on an event loop.
private final class EventLoopTasks: TaskExecutor {
    private let loop: any EventLoop

    init(loop: any EventLoop) {
        self.loop = loop
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        self.loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
