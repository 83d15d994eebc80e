package import NIOCore
import NIOPosix
import ServiceLifecycle

/// Tells systemd's watchdog that this process works: its tasks get their turn, and every event loop does. A process of which only a
/// thread is left that says so would not be worth keeping.
package struct WatchdogService: Service {
    private let interval: Duration
    private let groups: [any EventLoopGroup]
    private let tell: @Sendable () -> Void

    /// - Parameter interval: within which it must be heard of; it is told twice in that time.
    package init(interval: Duration, groups: [any EventLoopGroup] = [MultiThreadedEventLoopGroup.singleton], tell: @escaping @Sendable () -> Void) {
        self.interval = interval
        self.groups = groups
        self.tell = tell
    }

    package func run() async throws {
        // A successor is watched from now on: whoever it replaces must not speak for it.
        let isReplaced = AsyncStream.makeStream(of: Void.self)
        ListeningSockets.ofThisProcess.whenHandedOver { isReplaced.continuation.finish() }
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await self.tellUntilCancelled() }
            tasks.addTask { for await _ in isReplaced.stream {} }
            // The first of the services is the last to stop: the others are done by then.
            tasks.addTask { try? await gracefulShutdown() }
            await tasks.next()
            tasks.cancelAll()
        }
        // Any service that ends by itself would end the process. Cancelled instead of shut down in order, the same is right.
        try? await gracefulShutdown()
    }

    private func tellUntilCancelled() async {
        while !Task.isCancelled {
            for loop in self.groups.flatMap({ Array($0.makeIterator()) }) {
                // A loop that is gone has ended with its group, in order.
                try? await loop.submit {}.get()
            }
            self.tell()
            // Cancelled meanwhile, the loop ends.
            try? await Task.sleep(for: self.interval / 2)
        }
    }
}
