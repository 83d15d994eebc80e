import DroneProxyPolicy
import NIOCore
import NIOPosix
import PlaneProtocol
import Synchronization
import Testing

@testable import ProxyCore

@Suite("What is known of all backends, and how it is kept true")
struct RouteDirectoryTests {
    private static func withDirectory(
        _ body: (_ directory: RouteDirectory<RouteAnswer>, _ routes: FakeRoutes) async throws -> Void
    ) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let routes = FakeRoutes()
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(try await RouteDirectory(polling: routes, loop: group.next()), routes))
        } catch {
            result = .failure(error)
        }
        try await group.shutdownGracefully()
        try result.get()
    }

    private static func resolve(_ directory: RouteDirectory<RouteAnswer>, _ name: String, rereading: Bool = false) async throws -> RouteAnswer {
        try await withCheckedThrowingContinuation { continuation in
            directory.resolve(name, rereading: rereading) { continuation.resume(with: $0) }
        }
    }

    @Test("P15: a name is read once, and again only when something has changed or one asks for it")
    func readOnce() async throws {
        try await Self.withDirectory { directory, routes in
            routes.set("b-1", .starting(token: nil))
            let first = try await Self.resolve(directory, "b-1")
            #expect(first == .starting(token: nil))
            routes.setSilently("b-1", .starting(token: "other"))
            let cached = try await Self.resolve(directory, "b-1")
            #expect(cached == .starting(token: nil))
            let reread = try await Self.resolve(directory, "b-1", rereading: true)
            #expect(reread == .starting(token: "other"))
            routes.set("b-1", .none)
            let gone = try await Self.resolve(directory, "b-1")
            #expect(gone == .none)
        }
    }

    @Test("an unknown name is asked for every time: it may have come just now")
    func unknown() async throws {
        try await Self.withDirectory { directory, routes in
            let before = try await Self.resolve(directory, "b-1")
            #expect(before == .none)
            routes.setSilently("b-1", .starting(token: nil))
            let after = try await Self.resolve(directory, "b-1")
            #expect(after == .starting(token: nil))
        }
    }

    @Test("listeners hear of every change once, without anybody asking, while a request is held")
    func listeners() async throws {
        try await Self.withDirectory { directory, routes in
            let (changes, continuation) = AsyncStream<RouteAnswer>.makeStream()
            directory.listen { _, answer in continuation.yield(answer) }
            var heard = changes.makeAsyncIterator()
            routes.set("b-1", .starting(token: nil))
            _ = try await Self.resolve(directory, "b-1")
            #expect(await heard.next() == .starting(token: nil))
            directory.changeHeldCount(by: 1)
            let address = try SocketAddress(ipAddress: "127.0.0.1", port: 1)
            routes.set("other", .starting(token: nil))
            routes.set("b-1", .ready(address, token: nil))
            #expect(await heard.next() == .ready(address, token: nil))
            routes.set("b-1", .none)
            #expect(await heard.next() == RouteAnswer.none)
            directory.changeHeldCount(by: -1)
        }
    }

    @Test("routes are fresh behind a look, and not for ever; a source that fails makes nothing fresh")
    func freshness() async throws {
        try await Self.withDirectory { directory, routes in
            #expect(!directory.freshness.isFresh(at: .now()))
            let before = NIODeadline.now()
            _ = try await Self.resolve(directory, "b-1")
            #expect(directory.freshness.isFresh(at: before))
            #expect(!directory.freshness.isFresh(at: .now() + .seconds(60)))
        }
        try await Self.withDirectory { directory, routes in
            routes.makeUnreadable(true)
            await #expect(throws: FakeRoutes.Unreadable.self) { try await Self.resolve(directory, "b-1") }
            #expect(!directory.freshness.isFresh(at: .now()))
        }
    }

    /// Knows many names, and counts what it is asked for.
    private final class ManyNames: PolledRouteSource, PushingRouteSource {
        struct Value: RouteValue {
            var generation = 0

            static let none = Value()
        }

        private struct State {
            var version: Int64 = 1
            var generation = 1
            var changed: [String] = []
            var readNames: [String] = []
            var push: (@Sendable ([String]) -> Void)?
        }

        private let state = Mutex(State())

        func changes(since version: Int64?) throws -> RouteChanges {
            self.state.withLock { RouteChanges(version: $0.version, names: .listed(version == $0.version ? [] : $0.changed)) }
        }

        func subscribe(_ changed: @escaping @Sendable ([String]) -> Void) { self.state.withLock { $0.push = changed } }

        func route(_ name: String) throws -> Value {
            self.state.withLock { state in
                state.readNames.append(name)
                return Value(generation: state.generation)
            }
        }

        func change(_ names: [String]) {
            let push = self.state.withLock { state in
                state.version += 1
                state.generation += 1
                state.changed = names
                return state.push
            }
            push?(names)
        }

        /// What was asked for since the last call of this.
        func takeReadNames() -> [String] {
            self.state.withLock { state in
                defer { state.readNames = [] }
                return state.readNames
            }
        }
    }

    @Test(
        "of a hundred thousand known names only those are read again that a change lists, whether the source is asked or tells by itself",
        arguments: [false, true])
    func manyNames(isPushing: Bool) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let names = ManyNames()
        let directory =
            isPushing
            ? try await RouteDirectory<ManyNames.Value>(following: names, loop: group.next())
            : try await RouteDirectory<ManyNames.Value>(polling: names, loop: group.next())
        let (changes, continuation) = AsyncStream<String>.makeStream()
        directory.listen { name, _ in continuation.yield(name) }
        let count = 100_000
        await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
            for number in 1...count {
                directory.resolve("name-\(number)") { _ in
                    if number == count { done.resume() }
                }
            }
        }
        #expect(names.takeReadNames().count == count)
        let changed = ["name-7", "name-99999", "unheard-of"]
        names.change(changed)
        _ = try await withCheckedThrowingContinuation { continuation in
            directory.resolve("name-1") { continuation.resume(with: $0) }
        }
        #expect(names.takeReadNames() == ["name-7", "name-99999"])
        continuation.finish()
        var heard: [String] = []
        for await name in changes { heard.append(name) }
        #expect(heard.suffix(2) == ["name-7", "name-99999"])
        try await group.shutdownGracefully()
    }
}
