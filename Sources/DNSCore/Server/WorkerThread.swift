import Glibc

/// Starts a thread for work that waits in system calls, which must not block the cooperative pool or an event loop.
enum WorkerThread {
    private final class Work {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) {
            self.body = body
        }
    }

    /// - Parameter body: reports by itself when it has ended.
    static func start(_ body: @escaping @Sendable () -> Void) {
        let work = Unmanaged.passRetained(Work(body))
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { work in
                work.map { Unmanaged<Work>.fromOpaque($0).takeRetainedValue().body() }
                return nil
            }, work.toOpaque())
        precondition(code == 0, "a process that cannot have a thread more cannot do its work")
        pthread_detach(thread)
    }
}
