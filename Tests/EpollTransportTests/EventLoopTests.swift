import EpollTransport
import NIOCore
import NIOPosix
import PlaneTestSupport
import Testing

/// What handlers and futures rely on. SwiftNIO's own event loop passes the same tests.
@Suite("An event loop")
struct EventLoopTests {
    private struct OnPurpose: Error {}

    enum Kind: CaseIterable {
        case ours
        case swiftNIO

        func group(threads: Int) -> any EventLoopGroup {
            switch self {
            case .ours: EpollEventLoopGroup(threads: threads)
            case .swiftNIO: MultiThreadedEventLoopGroup(numberOfThreads: threads)
            }
        }
    }

    private func withLoop(_ kind: Kind, _ body: (any EventLoop) async throws -> Void) async throws {
        let group = kind.group(threads: 1)
        try await body(group.next())
        try await group.shutdownGracefully()
    }

    @Test("runs what is handed in, in order, on its own thread", arguments: Kind.allCases)
    func order(kind: Kind) async throws {
        try await self.withLoop(kind) { loop in
            let seen = Recorder<Int>()
            for number in 0..<1000 {
                loop.execute {
                    loop.preconditionInEventLoop()
                    seen.record(number)
                }
            }
            try await loop.submit {}.get()
            #expect(seen.all == Array(0..<1000))
            #expect(!loop.inEventLoop)
        }
    }

    @Test("runs what a task hands in after that task", arguments: Kind.allCases)
    func nested(kind: Kind) async throws {
        try await self.withLoop(kind) { loop in
            let seen = Recorder<String>()
            try await loop.flatSubmit {
                let inner = loop.submit { seen.record("inner") }
                seen.record("outer")
                return inner
            }.get()
            #expect(seen.all == ["outer", "inner"])
        }
    }

    @Test("runs a task later, not before its time, and soonest first", arguments: Kind.allCases)
    func later(kind: Kind) async throws {
        try await self.withLoop(kind) { loop in
            let seen = Recorder<Int>()
            // On the loop, so that none is due before all have been handed in.
            let tasks = try await loop.submit {
                let begin = NIODeadline.now()
                return [30, 10, 20].map { delay in
                    loop.scheduleTask(deadline: begin + .milliseconds(Int64(delay))) {
                        seen.record(delay)
                        return NIODeadline.now() - begin
                    }
                }
            }.get()
            for (task, delay) in zip(tasks, [30, 10, 20]) {
                let passed = try await task.futureResult.get()
                #expect(passed >= .milliseconds(Int64(delay)))
            }
            #expect(seen.all == [10, 20, 30])
        }
    }

    @Test("does not run a task that was cancelled", arguments: Kind.allCases)
    func cancelled(kind: Kind) async throws {
        try await self.withLoop(kind) { loop in
            // On the loop, which does not come to it before it is cancelled.
            let cancelled = try await loop.submit {
                let task = loop.scheduleTask(in: .milliseconds(5)) { Issue.record("it was cancelled") }
                task.cancel()
                return task
            }.get()
            await #expect(throws: EventLoopError.self) { try await cancelled.futureResult.get() }
            try await loop.scheduleTask(in: .milliseconds(20)) {}.futureResult.get()
        }
    }

    @Test("repeats a task until it is told not to", arguments: Kind.allCases)
    func repeated(kind: Kind) async throws {
        try await self.withLoop(kind) { loop in
            let seen = Recorder<Void>()
            let task = loop.scheduleRepeatedTask(initialDelay: .zero, delay: .milliseconds(1)) { _ in seen.record(()) }
            try await eventually("it ran again") { seen.all.count >= 3 }
            let promise = loop.makePromise(of: Void.self)
            task.cancel(promise: promise)
            try await promise.futureResult.get()
        }
    }

    @Test("passes on the error of a task", arguments: Kind.allCases)
    func failing(kind: Kind) async throws {
        try await self.withLoop(kind) { loop in
            await #expect(throws: OnPurpose.self) { try await loop.submit { throw OnPurpose() }.get() }
            await #expect(throws: OnPurpose.self) {
                try await loop.scheduleTask(in: .zero) { throw OnPurpose() }.futureResult.get()
            }
        }
    }

    @Test("a future is completed from one loop and heard of on another", arguments: Kind.allCases)
    func hop(kind: Kind) async throws {
        let group = kind.group(threads: 2)
        let (one, other) = (group.next(), group.next())
        #expect(one !== other)
        try await one.submit { 7 }.hop(to: other).map { number in
            other.preconditionInEventLoop()
            #expect(number == 7)
        }.get()
        #expect(group.makeIterator().map { ObjectIdentifier($0) } == [ObjectIdentifier(one), ObjectIdentifier(other)])
        try await group.shutdownGracefully()
    }

    @Test("what was to run after its end is an error for whoever waits for it", arguments: Kind.allCases)
    func end(kind: Kind) async throws {
        let group = kind.group(threads: 1)
        let errors = Recorder<any Error>()
        group.next().scheduleTask(in: .hours(1)) { Issue.record("the loop has ended") }.futureResult.whenFailure { errors.record($0) }
        try await group.shutdownGracefully()
        #expect(errors.all.map { $0 as? EventLoopError } == [.shutdown])
    }

    @Test("many threads hand in much at once, and nothing is lost", arguments: Kind.allCases)
    func crowd(kind: Kind) async throws {
        try await self.withLoop(kind) { loop in
            let seen = Recorder<Int>()
            await withTaskGroup(of: Void.self) { tasks in
                for number in 0..<8 {
                    tasks.addTask { for _ in 0..<500 { loop.execute { seen.record(number) } } }
                }
            }
            try await eventually("all have run") { seen.all.count == 4000 }
        }
    }
}
