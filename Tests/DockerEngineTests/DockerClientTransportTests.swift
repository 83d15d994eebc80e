@testable import DockerEngine
import NIOHTTP1
import PlaneTestSupport
import Testing

@Suite("A client and a daemon that misbehaves")
struct DockerClientTransportTests {
    /// A daemon that offers `version` and answers everything else with `answer`.
    private static func client(
        version: String = "1.41", _ answer: @escaping @Sendable (ScriptedServer.Request) -> ScriptedServer.Reply
    ) async throws -> (ScriptedServer, DockerClient) {
        let server = try await ScriptedServer.start { request in
            request.target.hasSuffix("/_ping") ? .text(.ok, headers: [("Api-Version", version)], "OK") : answer(request)
        }
        return (server, DockerClient(endpoint: .http(url: "http://127.0.0.1:\(server.port)")))
    }

    private static func code(_ body: () async throws -> Void) async -> EngineError.Code? {
        let error = await #expect(throws: EngineError.self) { try await body() }
        return error?.code
    }

    private static let container = ContainerID(rawValue: "c1")!

    @Test("a socket that is not there is said so, with its path")
    func absent() async throws {
        let client = DockerClient(endpoint: .unixSocket(path: "/nonexistent/docker.sock"))
        let error = await #expect(throws: EngineError.self) { try await client.ping() }
        #expect(error?.code == .daemonUnreachable)
        #expect(error?.hint?.contains("/nonexistent/docker.sock") == true)
        #expect(error?.isRetryable == true)
    }

    @Test("a unix socket works, and Go gets a host name it accepts")
    func unixSocket() async throws {
        let folder = try TemporaryDirectory()
        let hosts = Recorder<String?>()
        let server = try await ScriptedServer.start(socketPath: folder.file("d.sock")) { request in
            hosts.record(request.headers.first(name: "Host"))
            return .text(.ok, headers: [("Api-Version", "1.41")], "OK")
        }
        try await DockerClient(endpoint: .unixSocket(path: folder.file("d.sock"))).ping()
        #expect(hosts.all.allSatisfy { $0 == "docker" })
        withExtendedLifetime(server) {}
    }

    @Test("a list that is too long because of some image's labels is asked for in pages")
    func pages() async throws {
        let filters = Recorder<String>()
        let (server, client) = try await Self.client { request in
            filters.record(request.target)
            let isPaged = request.target.contains("limit=16")
            guard isPaged else { return .text(.ok, "[" + String(repeating: " ", count: DockerClient.replyLimit) + "]") }
            let ids = request.target.contains("before") ? 17...20 : 1...16
            return .text(.ok, "[" + ids.map { #"{"Id":"c\#($0)","State":"running"}"# }.joined(separator: ",") + "]")
        }
        #expect(try await client.list(label: "l").map(\.id.rawValue) == (1...20).map { "c\($0)" })
        #expect(filters.all.count == 3 && filters.all[2].contains("c16"))
        withExtendedLifetime(server) {}
    }

    @Test("an older daemon than we know is refused, a newer one is spoken to in our newest (A24)")
    func versions() async throws {
        let (old, oldClient) = try await Self.client(version: "1.30") { _ in .text(.ok, "{}") }
        #expect(await Self.code { _ = try await oldClient.stats(Self.container) } == .versionUnsupported)
        let targets = Recorder<String>()
        let (new, newClient) = try await Self.client(version: "1.99") { request in
            targets.record(request.target)
            return .text(.ok, "{}")
        }
        _ = try await newClient.stats(Self.container)
        #expect(targets.all == ["/v\(APIVersion.newest)/containers/c1/stats?stream=false&one-shot=true"])
        let (stranger, strangeClient) = try await Self.client(version: "") { _ in .text(.ok, "{}") }
        #expect(await Self.code { try await strangeClient.ping() } == .versionUnsupported)
        withExtendedLifetime((old, new, stranger)) {}
    }

    @Test("a daemon replaced by one that no longer speaks our version is asked anew, once")
    func replaced() async throws {
        let offers = Recorder<Void>()
        let server = try await ScriptedServer.start { request in
            if request.target == "/_ping" {
                offers.record(())
                return .text(.ok, headers: [("Api-Version", offers.all.count == 1 ? "1.41" : "1.45")], "OK")
            }
            return request.target.hasPrefix("/v1.45/")
                ? .text(.ok, "{}")
                : .text(.badRequest, #"{"message":"client version 1.41 is too old. Minimum supported API version is 1.44"}"#)
        }
        let client = DockerClient(endpoint: .http(url: "http://127.0.0.1:\(server.port)"))
        #expect(try await client.stats(Self.container) == ContainerStats())
        #expect(offers.all.count == 2)
    }

    @Test("nonsense, a wrong shape or too much of it is an unreadable reply", arguments: ["", "<html>", "[]", #"{"Id":"../../x"}"#])
    func unreadable(text: String) async throws {
        let (server, client) = try await Self.client { _ in .text(.ok, text) }
        #expect(await Self.code { _ = try await client.inspect(Self.container) } == .unreadableReply)
        withExtendedLifetime(server) {}
    }

    @Test("a body larger than the limit is refused by its announced length")
    func tooLarge() async throws {
        let (server, client) = try await Self.client { _ in .stalledBody("{") }
        let request = EngineRequest(path: "/x", subject: .daemon, attempt: "read")
        #expect(await Self.code { _ = try await client.transport.collect(request, upTo: 1000) } == .replyTooLarge)
        withExtendedLifetime(server) {}
    }

    @Test("a daemon that never answers, or stops in the middle, is given up", arguments: [ScriptedServer.Reply.silence, .stalledBody("{")])
    func stuck(reply: ScriptedServer.Reply) async throws {
        let (server, client) = try await Self.client { _ in reply }
        try await client.ping()
        var request = EngineRequest(path: "/x", subject: .daemon, attempt: "read")
        request.limit = CallLimit(duration: .milliseconds(20))
        let attempt = request
        #expect(await Self.code { try await client.perform(attempt) } == .timedOut)
        withExtendedLifetime(server) {}
    }

    @Test("cancelling the task ends the call at once, limit or not")
    func cancelled() async throws {
        let asked = AsyncStream<Void>.makeStream()
        let (server, client) = try await Self.client { _ in
            asked.continuation.yield()
            return .silence
        }
        let waiting = Task { await Self.code { _ = try await client.wait(Self.container) } }
        for await _ in asked.stream { break }
        waiting.cancel()
        #expect(await waiting.value == .cancelled)
        withExtendedLifetime(server) {}
    }
}
