import DroneProxyPolicy
import Foundation
import NIOCore
import PlaneTestSupport
import ProxyCore
import Testing

/// None of these clients is ours. They ask a backend in Node, which tells each what it has asked for. They have minutes: beside hundreds of other
/// tests on a machine with two cores some of them need half of one.
@Suite("HTTP/2: other people's clients", .serialized)
struct HTTP2ClientTests {
    /// A Python with httpx from PyPI; `scripts/test` makes one.
    private static let python = ProcessInfo.processInfo.environment["PLANE_TEST_PYTHON"]

    private static let interop = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Interop")

    private let folder: CertificateFolder

    init() async throws { self.folder = try await CertificateFolder() }

    private func withBackend(_ body: (ProxyUnderTest, TestProcess) async throws -> Void) async throws {
        try self.folder.install(self.folder.first)
        let backend = try TestProcess("/usr/bin/node", [Self.interop.appending(path: "browser_backend.mjs").path])
        let port = try #require(Int(try await backend.line(containing: "port ").dropFirst(5)))
        try await withProxy(listener: ProxyListener(.https(self.folder.store(offersHTTP2: true)))) { proxy in
            proxy.routes.set("b-1", .ready(try SocketAddress(ipAddress: "127.0.0.1", port: port), token: nil))
            try await body(proxy, backend)
        }
        await backend.stop(.kill)
    }

    @Test("curl makes 200 requests at once on one connection")
    func curl() async throws {
        try await self.withBackend { proxy, _ in
            let output = try await Shell.run(
                """
                curl -ksS --no-progress-meter -m 240 --http2 --parallel --parallel-max 100 --connect-to '::127.0.0.1:\(proxy.port)' -o /dev/null \
                    -w '%{http_version} %{http_code} %{num_connects}\\n' 'https://b-1.plane.test/number/[1-200]'
                """)
            let lines = output.split(separator: "\n")
            let others = lines.filter { !$0.hasPrefix("2 200 ") }
            #expect(lines.count - others.count == 200, "the others: \(others)")
            // Those that begin while the first connection is being made wait for it.
            #expect(lines.count { $0.hasSuffix(" 1") } == 1)
        }
    }

    @Test("nghttp asks for one thing a hundred times")
    func nghttp() async throws {
        try await self.withBackend { proxy, _ in
            let output = try await Shell.run(
                "nghttp --null-out --stat --multiply=100 --header=':authority: b-1.plane.test' https://127.0.0.1:\(proxy.port)/number/7")
            #expect(output.split(separator: "\n").count { $0.contains(" 200 ") && $0.hasSuffix("/number/7") } == 100, "\(output)")
        }
    }

    @Test("h2load has all of its requests answered: many at once, and uploads that are larger than the first windows")
    func h2load() async throws {
        let body = self.folder.path("body")
        try Data(repeating: 0x62, count: 200_000).write(to: URL(filePath: body))
        try await self.withBackend { proxy, _ in
            for arguments in ["-n 2000 -c 4 -m 50", "-n 40 -c 2 -m 10 -d \(body)"] {
                let output = try await Shell.run(
                    "h2load -t1 \(arguments) --header=':authority: b-1.plane.test' https://127.0.0.1:\(proxy.port)/number/7")
                let count = arguments.split(separator: " ")[1]
                #expect(output.contains("status codes: \(count) 2xx, 0 3xx, 0 4xx, 0 5xx"), "\(output)")
                #expect(output.contains(" 0 failed, 0 errored, 0 timeout"), "\(output)")
            }
        }
    }

    @Test(
        "Python's httpx: many requests at once on one connection, and uploads of known and unknown length",
        .enabled(if: python != nil, "PLANE_TEST_PYTHON names no Python with httpx"))
    func httpx() async throws {
        try await self.withBackend { proxy, _ in
            let client = try TestProcess(
                try #require(Self.python), ["-u", Self.interop.appending(path: "http2_client.py").path, "\(proxy.port)", "b-1.plane.test"])
            let status = await client.ended()
            #expect(status == 0, "\(client.log.joined(separator: "\n"))")
        }
    }

    @Test(
        "HAProxy in front speaks HTTP/2 to the proxy, and a WebSocket gets through where it may use HTTP/1.1 for that; where not, HAProxy answers it by 502, and pages work",
        arguments: [("alpn h2,http/1.1", true), ("alpn h2 ws h1", true), ("alpn h2", false)])
    func haproxy(how: String, getsThrough: Bool) async throws {
        try await self.withBackend { proxy, _ in
            let port = try freeLoopbackPort()
            let configuration = self.folder.path("haproxy.cfg")
            try """
            global
              maxconn 100
            defaults
              mode http
              timeout connect 5s
              timeout client 25s
              timeout server 25s
            listen front
              bind 127.0.0.1:\(port)
              server proxy 127.0.0.1:\(proxy.port) ssl verify none sni str(b-1.plane.test) \(how)

            """.write(toFile: configuration, atomically: true, encoding: .utf8)
            let haproxy = try TestProcess("/usr/sbin/haproxy", ["-db", "-f", configuration])
            let output = Recorder<String>()
            try await eventually("HAProxy answers") {
                output.record(
                    try await Shell.run("curl -sS -m 120 -w '|%{http_code}' -H 'Host: b-1.plane.test' http://127.0.0.1:\(port)/number/7 2>/dev/null"))
                return output.all.last?.contains("7 0|200") == true
            }
            let client = try TestPeer.connect(port: port)
            try await client.send(
                "GET /socket/1 HTTP/1.1\r\nHost: b-1.plane.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                    + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
            if getsThrough {
                #expect(try await client.receive(until: "\r\n\r\n").hasPrefix("HTTP/1.1 101 "))
                // A frame of text, with a mask that changes nothing.
                try await client.send([0x81, 0x82, 0, 0, 0, 0] + Array("hi".utf8))
                #expect(try await client.receive(count: 4) == [0x81, 2] + Array("hi".utf8))
            } else {
                #expect(try await client.receive(until: "</html>\n").hasPrefix("HTTP/1.1 502 "))
                output.record(
                    try await Shell.run("curl -sS -m 120 -w '|%{http_code}' -H 'Host: b-1.plane.test' http://127.0.0.1:\(port)/number/8 2>/dev/null"))
                #expect(output.all.last?.hasSuffix("|200") == true)
            }
            await haproxy.stop(.kill)
        }
    }

    @Test("Chromium: one page makes a thousand fetches and a hundred WebSockets, and none of them fails")
    func chromium() async throws {
        try await self.withBackend { proxy, backend in
            let browser = try TestProcess(
                "/usr/bin/chromium",
                [
                    "--headless=new", "--no-sandbox", "--disable-gpu", "--ignore-certificate-errors", "--user-data-dir=\(self.folder.path("profile"))",
                    "--host-resolver-rules=MAP * 127.0.0.1:\(proxy.port)", "https://b-1.plane.test/?fetches=1000&sockets=100",
                ])
            let report = try await backend.line(containing: "report ", within: .seconds(240))
            #expect(report == #"report {"fetched":1000,"connected":100,"failures":[],"protocols":["h2"]}"#)
            await browser.stop(.kill)
        }
    }
}
