import NIOCore

/// Does what looks at all backends, which may take long, on one of Swift's own threads. Meanwhile the event loop serves its other connections.
func awayFromEventLoop<Value, Failure: Error>(_ work: () throws(Failure) -> Value) async throws(Failure) -> Value {
    try await withTaskExecutorPreference(globalConcurrentExecutor) { () async throws(Failure) -> Value in try work() }
}

/// Runs tasks on an event loop: on Swift's own threads each part of a request would wake another thread. Nothing that runs here may block.
final class EventLoopTasks: TaskExecutor {
    private let loop: any EventLoop

    init(loop: any EventLoop) {
        self.loop = loop
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        self.loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
