import CoreMetrics
import Foundation
import NIOCore
import PlaneService
import PlaneTestSupport
import ProxyCore
import Testing

@testable import PlanBPolicy
@testable import PlanBProxy

@Suite("What is recorded of requests")
struct RecordTests {
    private static func rest(_ line: String) throws -> String {
        let form =
            /(?<ip>\S+) - - \[\d\d\/[A-Z][a-z][a-z]\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] (?<rest>.*) (?<total>\d+\.\d{3}) (?<backend>\d+\.\d{3})/
        return String(try #require(try form.wholeMatch(in: line)).output.rest)
    }

    @Test("a request has a line in the form of PlanB's, byte for byte")
    func lines() async throws {
        let backend = try TestBackend()
        try await withPlanB(configure: { options, _ in options.requestIDHeader = "X-Request-Id" }) { planb in
            try await planb.frontend("www.example.org", backend.entry)
            let serving = backend.answerOnce("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            _ = try await planb.get(
                "www.example.org", "/a%20b?secret=1",
                fields: "User-Agent: curl/7.88.1\r\nReferer: http://x/\r\nX-Request-Id: e6770f64\r\nX-Forwarded-For: 192.0.2.1, 192.0.2.2\r\n")
            _ = try await serving.value
            _ = try await planb.get("nobody.test", fields: "X-Request-Id: 1\r\n")
            let lines = try await planb.lines(2)
            #expect(lines[0].hasPrefix("::ffff:127.0.0.1 - - ["))
            #expect(
                try Self.rest(lines[0])
                    == #""GET /a b HTTP/1.1" 200 2 "http://x/" "curl/7.88.1" "X-Request-Id:e6770f64" "www.example.org" "192.0.2.1, 192.0.2.2""#)
            #expect(try Self.rest(lines[1]) == #""GET / HTTP/1.1" 400 13 "" "" "X-Request-Id:1" "" """#)
            #expect(lines[1].hasSuffix(" 0.000"))
        }
    }

    @Test(
        "an address of IPv4 is written in the form of IPv6, and one of IPv6 as it is",
        arguments: [("192.0.2.1", "::ffff:192.0.2.1"), ("2001:db8::1", "2001:db8::1")])
    func addresses(address: String, text: String) throws {
        #expect(AccessLine.address(try #require(AddressKey(try SocketAddress(ipAddress: address, port: 1)))) == text)
    }

    @Test("without ids the field is a colon, and a response without a length has -1")
    func variants() async throws {
        let backend = try TestBackend()
        try await withPlanB { planb in
            try await planb.frontend("a.test", backend.entry)
            let serving = backend.answerOnce("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
            _ = try await planb.get("a.test:80")
            _ = try await serving.value
            #expect(try Self.rest(try await planb.lines(1)[0]) == #""GET / HTTP/1.1" 200 -1 "" "" ":" "a.test" """#)
        }
    }

    @Test("nobody can write a line, or a field, of their own")
    func injection() async throws {
        try await withPlanB { planb in
            _ = try await planb.get("nobody.test", "/a%0Ab%22%5C%7F", fields: "User-Agent: x\" \"y\\\r\nX-Forwarded-For: \"\r\n")
            let lines = try await planb.lines(1)
            #expect(lines.count == 1)
            #expect(try Self.rest(lines[0]) == ##""GET /a\x0Ab\x22\x5C\x7F HTTP/1.1" 400 13 "" "x\x22 \x22y\x5C" ":" "" "\x22""##)
        }
    }

    @Test("what fails has a line in the error log in the form of PlanB's, byte for byte")
    func errors() async throws {
        func ask(
            _ planb: PlanBUnderTest, _ host: String, _ backend: TestBackend?, _ path: String = "/", _ serve: (@Sendable (TestPeer) async throws -> Void)? = nil
        ) async throws -> String {
            if let backend { try await planb.frontend(host, backend.entry) }
            let before = (try? String(contentsOfFile: planb.errorLog, encoding: .utf8))?.split(separator: "\n").count ?? 0
            let serving = Task { if let serve, let backend { try await serve(try await backend.accept()) } }
            _ = try await planb.get(host, path, fields: "X-Request-Id: 7\r\n")
            try await serving.value
            return try await planb.errorLines(before + 1)[before]
        }
        try await withPlanB(configure: { options, _ in options.requestIDHeader = "X-Request-Id" }) { planb in
            let (closing, dead) = (try TestBackend(), try TestBackend.refusing())
            #expect(try await ask(planb, "nobody.test", nil) == "ERROR in nobody.test -> ? - / - X-Request-Id:7 - no backends registered for host")
            let refused = try await ask(planb, "a.test", dead, "/a%0Ab?secret=1")
            #expect(refused.hasPrefix("ERROR in a.test -> \(dead.entry) - /a\\x0Ab - X-Request-Id:7 - error in backend request: "))
            #expect(refused.hasSuffix(" *DEAD*") && !refused.contains("secret"))
            let ended = try await ask(planb, "c.test", closing) { peer in
                _ = try await peer.receive(until: "\r\n\r\n")
                peer.close()
            }
            #expect(ended.hasPrefix("ERROR in c.test -> \(closing.entry) - / - X-Request-Id:7 - error in backend request: ") && !ended.hasSuffix("*DEAD*"))
        }
        try await withPlanB(configure: { options, limits in
            (options.requestIDHeader, options.requestTimeout, limits.response) = ("X-Request-Id", .milliseconds(1500), .milliseconds(300))
        }) { planb in
            let silent = try TestBackend()
            let late = try await ask(planb, "b.test", silent) { _ = try await $0.receiveToEnd() }
            #expect(late.hasPrefix("ERROR in b.test -> \(silent.entry) - / - X-Request-Id:7 - request timeout after 1.5s: ") && !late.hasSuffix("*DEAD*"))
        }
    }

    @Test("the file is found again after it was moved away")
    func rotation() async throws {
        try await withPlanB { planb in
            _ = try await planb.get("one.test")
            _ = try await planb.lines(1)
            try FileManager.default.moveItem(atPath: planb.accessLog, toPath: planb.accessLog + ".1")
            try await eventually("a new file is written") {
                _ = try await planb.get("two.test")
                return FileManager.default.fileExists(atPath: planb.accessLog)
            }
            _ = try await planb.lines(1)
        }
    }

    @Test("metrics have PlanB's names, labels and buckets")
    func metrics() async throws {
        let registry = PrometheusRegistry(
            buckets: ["planb_reverseproxy_http_request_duration_seconds": HistogramMetric.Buckets(upperBounds: [0.005, 0.01, 10])])
        let factory = OpenConnectionsMetric(registry)
        let connections = factory.makeMeter(label: "proxy_open_connections", dimensions: [])
        let tunnels = factory.makeMeter(label: "proxy_open_tunnels", dimensions: [])
        connections.increment(by: 3)
        tunnels.increment(by: 1)
        #expect(registry.text.contains("\nplanb_reverseproxy_connections_current_open 2\n"))
        tunnels.decrement(by: 1)
        connections.decrement(by: 3)
        #expect(registry.text.contains("\nplanb_reverseproxy_connections_current_open 0\n"))
        try await withPlanB(metrics: factory) { planb in
            _ = try await planb.get("nobody.test")
            try await planb.frontend("a.test", try TestBackend.refusing().entry)
            _ = try await planb.get("a.test")
        }
        let text = registry.text
        #expect(text.contains("planb_reverseproxy_backends_responses_total{status_code=\"400\"} 1\n"))
        #expect(text.contains("planb_reverseproxy_backends_responses_total{status_code=\"503\"} 1\n"))
        #expect(text.contains("planb_router_backend_markdead_total 1\n"))
        #expect(text.contains("planb_reverseproxy_http_request_duration_seconds_bucket{le=\"0.005\"} "))
        #expect(text.contains("planb_reverseproxy_http_request_duration_seconds_count 2\n"))
        #expect(text.contains("planb_reverseproxy_backend_request_duration_seconds_count 2\n"))
    }
}
