package import NIOCore
import NIOPosix
import ServiceLifecycle

/// Tells systemd's watchdog that this process works: its tasks run, and every event loop does. A process that could only send this message would not be worth
/// keeping.
package struct WatchdogService: Service {
    private let interval: Duration
    private let groups: [any EventLoopGroup]
    private let tell: @Sendable () -> Void

    /// - Parameter interval: the time within which systemd expects a message; it gets two in that time.
    package init(interval: Duration, groups: [any EventLoopGroup] = [MultiThreadedEventLoopGroup.singleton], tell: @escaping @Sendable () -> Void) {
        self.interval = interval
        self.groups = groups
        self.tell = tell
    }

    package func run() async throws {
        // The successor is watched from now on, so the replaced process must not report for it.
        let isReplaced = AsyncStream.makeStream(of: Void.self)
        ListeningSockets.ofThisProcess.whenHandedOver { isReplaced.continuation.finish() }
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await self.reportUntilCancelled() }
            tasks.addTask { for await _ in isReplaced.stream {} }
            // The first of the services is stopped last, when the others have ended.
            tasks.addTask { try? await gracefulShutdown() }
            await tasks.next()
            tasks.cancelAll()
        }
        // If a service ended by itself the process would end. Whether the task is cancelled or shut down in order, it may return.
        try? await gracefulShutdown()
    }

    private func reportUntilCancelled() async {
        while !Task.isCancelled {
            for loop in self.groups.flatMap({ Array($0.makeIterator()) }) {
                // A loop that does not exist any more has ended in order, with its group.
                try? await loop.submit {}.get()
            }
            self.tell()
            // If the task is cancelled during the sleep, the loop ends.
            try? await Task.sleep(for: self.interval / 2)
        }
    }
}
