import Dispatch
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization
import Testing

@testable import PlaneService

@Suite("The watchdog", .timeLimit(.minutes(10))) struct WatchdogTests {
    @Test("is for the process that systemd names, and for its successors; not for others")
    func isMeant() {
        let environment = ["WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "100"]
        #expect(ServiceNotification.watchdogInterval(environment, processID: 100, parentID: 1) == .seconds(60))
        #expect(ServiceNotification.watchdogInterval(environment, processID: 101, parentID: 100) == nil)
        let successor = environment.merging([ListeningSockets.predecessorVariable: "150"]) { $1 }
        #expect(ServiceNotification.watchdogInterval(successor, processID: 200, parentID: 150) == .seconds(60))
        #expect(ServiceNotification.watchdogInterval(successor, processID: 201, parentID: 200) == nil)
    }

    @Test("nobody is told without one", arguments: [[:], ["WATCHDOG_USEC": "0"], ["WATCHDOG_USEC": "x"], ["WATCHDOG_USEC": "-5"]])
    func none(environment: [String: String]) {
        #expect(ServiceNotification.watchdogInterval(environment, processID: 1, parentID: 0) == nil)
    }

    @Test("is told again and again, and the service ends when the process does")
    func tells() async throws {
        let (signs, sign) = AsyncStream.makeStream(of: Void.self)
        let service = WatchdogService(interval: .milliseconds(2)) { sign.yield() }
        let group = ServiceGroup(configuration: .init(services: [.init(service: service)], logger: .init(label: "test")))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            var count = 0
            for await _ in signs {
                count += 1
                if count == 3 { break }
            }
            await group.triggerGracefulShutdown()
            try await tasks.next()
        }
    }

    /// An event loop group that says when somebody has asked for its loops.
    private final class ObservedGroup: EventLoopGroup {
        let loops = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        private let whenAsked: @Sendable () -> Void

        init(whenAsked: @escaping @Sendable () -> Void) { self.whenAsked = whenAsked }

        func next() -> any EventLoop { self.loops.next() }
        func any() -> any EventLoop { self.loops.any() }
        func makeIterator() -> EventLoopIterator {
            self.whenAsked()
            return self.loops.makeIterator()
        }
        func shutdownGracefully(queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void) {
            self.loops.shutdownGracefully(queue: queue, callback)
        }
    }

    @Test("is not told while an event loop does not get its turn, however often a process beside it would have been")
    func blocked() async throws {
        let (questions, asked) = AsyncStream.makeStream(of: Void.self)
        let (signs, sign) = AsyncStream.makeStream(of: Bool.self)
        let (others, other) = AsyncStream.makeStream(of: Void.self)
        let group = ObservedGroup { asked.yield() }
        let blocked = DispatchSemaphore(value: 0)
        let isReleased = Atomic(false)
        group.loops.next().execute { blocked.wait() }
        let service = WatchdogService(interval: .milliseconds(2), groups: [group]) { sign.yield(isReleased.load(ordering: .relaxed)) }
        let beside = WatchdogService(interval: .milliseconds(2)) { other.yield() }
        let tasks = [Task { try await service.run() }, Task { try await beside.run() }]
        for await _ in questions { break }
        var count = 0
        for await _ in others {
            count += 1
            if count == 5 { break }
        }
        isReleased.store(true, ordering: .relaxed)
        blocked.signal()
        var first = signs.makeAsyncIterator()
        #expect(await first.next() == true)
        for task in tasks {
            task.cancel()
            _ = try? await task.value
        }
        try await group.loops.shutdownGracefully()
    }
}
