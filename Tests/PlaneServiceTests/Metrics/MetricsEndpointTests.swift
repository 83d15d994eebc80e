import Logging
import Metrics
import PlaneProtocol
import PlaneService
import PlaneTestSupport
import ServiceLifecycle
import Testing

@Suite("Metrics endpoint") struct MetricsEndpointTests {
    /// Sends requests over one connection to an endpoint with one counter, and returns all that came back.
    static func answers(to requests: String) async throws -> String {
        let registry = PrometheusRegistry()
        Counter(label: "plane_test_total", factory: registry).increment()
        let logger = Logger(label: "test")
        let endpoint = try await MetricsEndpoint.bind(
            SocketEndpoint(ip: .v4(0x7F00_0001), port: 0), registry: registry, logger: logger)
        let port = try #require(endpoint.port)
        let group = ServiceGroup(services: [endpoint], logger: logger)
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let connection = try await LoopbackConnection(port: port)
            try await connection.send(requests)
            let answers = try await connection.receiveToEnd()
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            return String(decoding: answers, as: UTF8.self)
        }
    }

    @Test("answers GET /metrics with the registry's text, over and over on one connection")
    func get() async throws {
        let answers = try await Self.answers(
            to: "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\nGET /metrics?a=b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        #expect(answers.components(of: "HTTP/1.1 200 OK") == 2)
        #expect(answers.components(of: "plane_test_total 1\n") == 2)
        #expect(answers.contains("text/plain; version=0.0.4"))
        for name in ["process_resident_memory_bytes", "process_cpu_seconds_total", "process_max_fds"] {
            #expect(answers.components(of: "# TYPE \(name) ") == 2)
        }
    }

    @Test(
        "everything else is refused without harm",
        arguments: [
            ("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "404 Not Found"),
            ("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx", "405 Method Not Allowed"),
            ("not HTTP at all\r\n\r\n", "400 Bad Request"),
        ])
    func others(request: String, status: String) async throws {
        #expect(try await Self.answers(to: request).hasPrefix("HTTP/1.1 \(status)\r\n"))
    }
}

extension String {
    fileprivate func components(of part: String) -> Int { self.ranges(of: part).count }
}
