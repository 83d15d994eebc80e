import Logging
import Metrics
import NetworkAddresses
import PlaneProtocol
import PlaneTestSupport
import ServiceLifecycle
import Testing

@testable import PlaneService

@Suite("Metrics endpoint") struct MetricsEndpointTests {
    /// Sends requests over one connection to an endpoint with one counter, and returns all that came back.
    static func answers(to requests: String) async throws -> String {
        let registry = PrometheusRegistry()
        Counter(label: "plane_test_total", factory: registry).increment()
        return try await self.withEndpoint(of: registry) { port in
            let connection = try await LoopbackConnection(port: port)
            try await connection.send(requests)
            return String(decoding: try await connection.receiveToEnd(), as: UTF8.self)
        }
    }

    /// Runs an endpoint until `body` returns.
    private static func withEndpoint<Result: Sendable>(
        of registry: PrometheusRegistry, _ body: @escaping @Sendable (UInt16) async throws -> Result
    ) async throws -> Result {
        let logger = Logger(label: "test")
        let endpoint = try await MetricsEndpoint.bind(
            SocketEndpoint(ip: .v4(0x7F00_0001), port: 0), registry: registry, logger: logger)
        let port = try #require(endpoint.port)
        let group = ServiceGroup(services: [endpoint], logger: logger)
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let result = try await body(port)
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            return result
        }
    }

    @Test("a client that asks on and takes nothing is cut off")
    func neverReads() async throws {
        let registry = PrometheusRegistry()
        for index in 0..<1000 { Counter(label: "plane_test_total", dimensions: [("index", "\(index)")], factory: registry).increment() }
        let request = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
        // Far more than the kernel holds for a client: some megabytes.
        #expect(registry.text.utf8.count * 1000 > 25_000_000)
        try await Self.withEndpoint(of: registry) { port in
            let connection = try await LoopbackConnection(port: port)
            try await connection.send(String(repeating: request, count: 1000))
            try await eventually("the connection is gone") {
                do {
                    try await connection.send("G")
                    return false
                } catch {
                    return true
                }
            }
        }
    }

    @Test("many connections on which nothing is asked keep nobody out: the oldest make room")
    func manyConnections() async throws {
        try await Self.withEndpoint(of: PrometheusRegistry()) { port in
            var connections: [LoopbackConnection] = []
            // One after the other: which is the oldest is known when it has been answered.
            for _ in 0...MetricsConnections.limit {
                let connection = try await LoopbackConnection(port: port)
                try await connection.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
                _ = try await connection.receive { String(decoding: $0, as: UTF8.self).contains("200 OK") }
                connections.append(connection)
            }
            // Only a connection that is closed has an end.
            _ = try await connections[0].receiveToEnd()
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
