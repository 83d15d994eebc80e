import DockerEngine
import DroneStore
import PlaneTestSupport
import Testing

@testable import DroneCore

/// Calls about frozen containers, to a daemon that does not always do what it is asked for.
@Suite struct FrozenContainerTests {
    private static let container = ContainerHandle(id: "4f1e", name: "plane-b-1", labels: [:])

    /// - Parameter unpause: The daemon's answer to that.
    private static func withDaemon(unpause: String, _ body: (DockerEngineAdapter, () -> [String]) async throws -> Void) async throws {
        let daemon = try await AnsweringServer.start { request in
            if request.contains("/_ping ") { return "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 2\r\n\r\nOK" }
            if request.contains("/4f1e/stop") { return "HTTP/1.1 204 No Content\r\n\r\n" }
            return unpause
        }
        let client = DockerClient(endpoint: .http(url: "http://127.0.0.1:\(daemon.address.port)"))
        try await body(DockerEngineAdapter(client: client, template: ContainerTemplate())) {
            daemon.requests.all.compactMap { $0.split(separator: " ").dropFirst().first?.split(separator: "/").last.map(String.init) }.filter { $0 != "_ping" }
        }
        try await daemon.stop()
    }

    @Test("one that cannot be thawed is stopped all the same")
    func stop() async throws {
        try await Self.withDaemon(unpause: #"HTTP/1.1 500 Internal Server Error\#r\#nContent-Length: 16\#r\#n\#r\#n{"message":"no"}"#) { engine, calls in
            try await engine.stop(Self.container, grace: .seconds(3))
            #expect(calls().first == "unpause" && calls().last == "stop?t=3")
        }
    }

    @Test("the daemon is asked to thaw one although an operator's program has found it running")
    func thaw() async throws {
        try await Self.withDaemon(unpause: "HTTP/1.1 204 No Content\r\n\r\n") { engine, calls in
            let id = try #require(ContainerID(rawValue: "4f1e"))
            engine.frozen.note(id, isFrozen: false)
            try await engine.ensureThawed(id)
            #expect(calls().isEmpty, "what is known to run is left alone")
            try await engine.thaw(Self.container)
            #expect(calls() == ["unpause"])
        }
    }
}
