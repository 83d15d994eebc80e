import MetricsTestKit
import NIOCore
import PlaneProtocol
import PlaneTestSupport
import Testing

@testable import DroneProxyPolicy
@testable import ProxyCore

@Suite("What the metrics tell")
struct MetricsTests {
    private static let ok = "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok"

    private let metrics = TestMetrics()
    private static let refusals = RefusalReason.engines + RefusalReason.drones

    private func total(_ label: String, _ dimensions: [(String, String)] = []) throws -> Int64 {
        try self.metrics.expectCounter(label, dimensions).totalValue
    }

    /// Reported once in a while: what comes and goes in between is nobody's business.
    private func untilOpen(_ label: String) async throws {
        try await eventually("\(label) is 1") { try self.metrics.expectMeter(label).values.last == 1 }
    }

    @Test("requests by status, their time, and the bytes of both directions")
    func requests() async throws {
        let get = "GET / HTTP/1.1\r\nHost: b-1.plane.test\r\n\r\n"
        try await withProxy(metrics: self.metrics) { proxy in
            let serving = try proxy.backend("b-1").serve(Self.ok)
            let client = try proxy.connect()
            for _ in 0..<3 {
                try await client.send(get)
                #expect(try await client.receiveMessage() == Self.ok)
            }
            try await self.untilOpen("proxy_open_connections")
            client.close()
            serving.cancel()
        }
        #expect(try self.total("proxy_requests_total", [("status", "2xx")]) == 3)
        #expect(try self.metrics.expectTimer("proxy_request_duration_seconds").values.count == 3)
        #expect(try self.total("proxy_received_bytes_total") == Int64(3 * get.utf8.count))
        #expect(try self.total("proxy_sent_bytes_total") == Int64(3 * Self.ok.utf8.count))
        #expect(try self.total("proxy_upstream_connections_total") == 1)
        #expect(try self.metrics.expectMeter("proxy_open_connections").values.last == 0)
    }

    @Test(
        "refusals by their reason",
        arguments: [
            ("GET / HTTP/1.1\nHost: b-1.plane.test\r\n\r\n", RefusalReason.malformed, "4xx"),
            ("GET / HTTP/1.1\r\nHost: b-1.plane.test\r\nA: \(String(repeating: "a", count: 20_000))\r\n\r\n", .tooLarge, "4xx"),
            ("GET / HTTP/1.1\r\nHost: b-1", .tooSlow, "4xx"),
            ("GET / HTTP/1.1\r\nHost: elsewhere.test\r\nConnection: close\r\n\r\n", .namesNoBackend, "4xx"),
            ("GET / HTTP/1.1\r\nHost: unknown.plane.test\r\nConnection: close\r\n\r\n", .unknownBackend, "4xx"),
            ("GET / HTTP/1.1\r\nHost: closed.plane.test\r\nConnection: close\r\n\r\n", .tokenMissing, "4xx"),
            ("GET / HTTP/1.1\r\nHost: closed.plane.test\r\nAuthorization: Bearer x\r\nConnection: close\r\n\r\n", .tokenWrong, "4xx"),
            ("GET /_plane_auth?token=s3cret&redirect=//evil HTTP/1.1\r\nHost: closed.plane.test\r\nConnection: close\r\n\r\n", .foreignRedirect, "4xx"),
            ("GET / HTTP/1.1\r\nHost: starting.plane.test\r\nConnection: close\r\n\r\n", .backendUnavailable, "5xx"),
        ])
    func refusals(request: String, reason: RefusalReason, status: String) async throws {
        try await withProxy(
            metrics: self.metrics,
            {
                $0.limits.hold = .zero
                if reason == .tooSlow { $0.limits.requestHead = .milliseconds(10) }
            }
        ) { proxy in
            _ = try proxy.backend("closed", token: "s3cret")
            proxy.routes.set("starting", .starting(token: nil))
            if reason == .tooSlow { try await proxy.beginsHead(request) } else { _ = try await proxy.exchange(request) }
        }
        for other in Self.refusals {
            #expect(try self.total("proxy_requests_refused_total", [("reason", other.label)]) == (other == reason ? 1 : 0))
        }
        #expect(try self.total("proxy_requests_total", [("status", status)]) == 1)
    }

    @Test("a request is counted when its response has ended, as a whole or not, and not when it begins")
    func ended() async throws {
        try await withProxy(metrics: self.metrics) { proxy in
            let backend = try proxy.backend("b-1")
            let clients = try (0..<2).map { _ in try proxy.connect() }
            var peers: [TestPeer] = []
            for client in clients {
                try await client.send("GET / HTTP/1.1\r\nHost: b-1.plane.test\r\n\r\n")
                peers.append(try await backend.answerOnce("HTTP/1.1 201 Created\r\nDate: now\r\nContent-Length: 4\r\n\r\nha").value.peer)
                _ = try await client.receive(until: "ha")
            }
            // What is reported with these bytes tells of the requests too.
            try await eventually("both beginnings are reported") { try self.total("proxy_sent_bytes_total") == 2 * 56 }
            #expect(try self.total("proxy_requests_total", [("status", "2xx")]) == 0)
            try await peers[0].send("lf")
            try await eventually("the end of one is reported") { try self.total("proxy_requests_total", [("status", "2xx")]) == 1 }
            peers[1].close()
            try await eventually("the end of the other is reported") { try self.total("proxy_requests_total", [("status", "2xx")]) == 2 }
        }
    }

    @Test("a table of backends that cannot be read is a refusal of its own, and no backend's failure")
    func unreadableRoutes() async throws {
        try await withProxy(metrics: self.metrics) { proxy in
            proxy.routes.makeUnreadable(true)
            let answer = try await proxy.exchange("GET / HTTP/1.1\r\nHost: b-1.plane.test\r\nConnection: close\r\n\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 502 "))
        }
        for reason in Self.refusals {
            #expect(try self.total("proxy_requests_refused_total", [("reason", reason.label)]) == (reason == .routesUnavailable ? 1 : 0))
        }
        for kind in UpstreamFailure.Kind.allCases {
            #expect(try self.total("proxy_upstream_failures_total", [("reason", kind.label)]) == 0)
        }
    }

    @Test("a backend's failures by their reason, and WebSockets while they are open")
    func failures() async throws {
        try await withProxy(metrics: self.metrics) { proxy in
            let backend = try proxy.backend("b-1")
            let answering = backend.answerOnce("nonsense\r\n\r\n")
            _ = try await proxy.exchange("GET / HTTP/1.1\r\nHost: b-1.plane.test\r\nConnection: close\r\n\r\n")
            _ = try await answering.value
            let client = try proxy.connect()
            try await client.send("GET / HTTP/1.1\r\nHost: b-1.plane.test\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
            let (_, peer) = try await backend.answerOnce(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
            ).value
            _ = try await client.receive(until: "\r\n\r\n")
            try await self.untilOpen("proxy_open_tunnels")
            withExtendedLifetime(peer) {}
        }
        #expect(try self.total("proxy_upstream_failures_total", [("reason", "malformed_response")]) == 1)
        #expect(try self.total("proxy_requests_total", [("status", "5xx")]) == 1)
        #expect(try self.total("proxy_requests_total", [("status", "1xx")]) == 1)
        let tunnels = try self.metrics.expectMeter("proxy_open_tunnels")
        #expect(tunnels.values.last == 0)
    }
}
