import Foundation
import EpollTransport
import Logging
import NIOCore
import NIOSSL
import PlanBPolicy
import PlaneTestSupport
import RedisClient
import Testing

@Suite("Certificates by name")
struct CertificateTests {
    private static let logger = Logger(label: "certificates-under-test")

    private static func pair(_ directory: TemporaryDirectory, for name: String) async throws -> (certificate: String, key: String) {
        let folder = URL(filePath: directory.file(UUID().uuidString))
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let made = try await TestCertificates(in: folder, names: [name])
        return (
            try String(contentsOfFile: made.path("server.pem"), encoding: .utf8), try String(contentsOfFile: made.path("server.key"), encoding: .utf8)
        )
    }

    /// The names in the certificate that is served; nil when the handshake fails.
    private static func served(_ port: UInt16, _ name: String?, _ options: String = "") async throws -> String? {
        let asked = name.map { "-servername \($0)" } ?? "-noservername"
        let script =
            "openssl s_client -connect 127.0.0.1:\(port) \(asked) \(options) </dev/null 2>/dev/null | openssl x509 -noout -ext subjectAltName 2>/dev/null || true"
        let text = try await TestProcess.run("/bin/sh", ["-c", script]).joined()
        return text.isEmpty ? nil : text
    }

    @Test("from a folder: the exact name, then the wildcard, then the default; changed while running, and a broken pair harms no other")
    func folder() async throws {
        let directory = try TemporaryDirectory()
        let folder = directory.file("certs")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        func put(_ file: String, _ pair: (certificate: String, key: String)) throws {
            try pair.certificate.write(toFile: "\(folder)/\(file).crt", atomically: true, encoding: .utf8)
            try pair.key.write(toFile: "\(folder)/\(file).key", atomically: true, encoding: .utf8)
        }
        try put("www.one.test", try await Self.pair(directory, for: "www.one.test"))
        try put("*.one.test", try await Self.pair(directory, for: "*.one.test"))
        try put("broken.test", ("nonsense", "nonsense"))
        let certificates = CertificateFolder(path: folder, logger: Self.logger)
        #expect(certificates.names == ["*.one.test", "www.one.test"])
        let source = try certificates.source(preset: .modern, offersHTTP2: false, defaultName: "fallback.test")
        try await withPlanB(certificates: source) { planb in
            #expect(try await Self.served(planb.port, "www.one.test")?.contains("DNS:www.one.test") == true)
            #expect(try await Self.served(planb.port, "x.one.test")?.contains("DNS:*.one.test") == true)
            #expect(try await Self.served(planb.port, "x.y.one.test") == nil)
            #expect(try await Self.served(planb.port, nil) == nil)
            try put("fallback.test", try await Self.pair(directory, for: "fallback.test"))
            try await eventually("the new one is served") { try await Self.served(planb.port, nil)?.contains("DNS:fallback.test") == true }
            #expect(try await Self.served(planb.port, "other.test")?.contains("DNS:fallback.test") == true)
            try put("www.one.test", try await Self.pair(directory, for: "renewed.test"))
            try await eventually("the renewed one is served") { try await Self.served(planb.port, "www.one.test")?.contains("DNS:renewed.test") == true }
        }
    }

    @Test("from Redis: the exact name before the wildcard, a broken one hides no good one, and what is new is served")
    func redis() async throws {
        let directory = try TemporaryDirectory()
        let redis = try await RedisTestServer.start()
        let group = EpollEventLoopGroup(threads: 1)
        let caller = try await RedisCaller.make(
            RedisServer(.tcp(host: "127.0.0.1", port: Int(redis.port))), on: group.loops[0], logger: Self.logger)
        let (exact, wild) = (try await Self.pair(directory, for: "www.one.test"), try await Self.pair(directory, for: "*.one.test"))
        try await redis.command("HSET", "tls:www.one.test", "certificate", exact.certificate, "key", exact.key)
        try await redis.command("HSET", "tls:*.one.test", "certificate", wild.certificate, "key", wild.key)
        try await redis.command("HSET", "tls:broken.one.test", "certificate", "nonsense", "key", "nonsense")
        try await redis.command("SET", "tls:text.one.test", "x")
        let source = try RedisCertificates(caller, logger: Self.logger).source(preset: .intermediate, offersHTTP2: false, defaultName: nil)
        try await withPlanB(redis: redis, certificates: source) { planb in
            #expect(try await Self.served(planb.port, "www.one.test")?.contains("DNS:www.one.test") == true)
            for name in ["x.one.test", "broken.one.test", "text.one.test"] {
                #expect(try await Self.served(planb.port, name)?.contains("DNS:*.one.test") == true)
            }
            #expect(try await Self.served(planb.port, "other.test") == nil)
            try await redis.command("HSET", "tls:other.test", "certificate", exact.certificate, "key", exact.key)
            #expect(try await Self.served(planb.port, "other.test")?.contains("DNS:www.one.test") == true)
            // Those that are known are served while Redis is gone.
            await redis.stop()
            #expect(try await Self.served(planb.port, "www.one.test")?.contains("DNS:www.one.test") == true)
        }
        try await group.shutdownGracefully()
    }

    /// Certificates in a Redis, which a body may change.
    private static func withRedis(
        freshness: TimeAmount, keptLimit: Int = 1000, _ body: (RedisTestServer, PlanBUnderTest) async throws -> Void
    ) async throws {
        let redis = try await RedisTestServer.start()
        let group = EpollEventLoopGroup(threads: 1)
        let caller = try await RedisCaller.make(
            RedisServer(.tcp(host: "127.0.0.1", port: Int(redis.port))), on: group.loops[0], logger: Self.logger)
        let source = try RedisCertificates(caller, freshness: freshness, keptLimit: keptLimit, logger: Self.logger)
            .source(preset: .modern, offersHTTP2: false, defaultName: nil)
        try await withPlanB(redis: redis, certificates: source) { try await body(redis, $0) }
        try await group.shutdownGracefully()
    }

    @Test("a pair in Redis that is renewed is served once the old one is no longer fresh, and a broken one in its place ends it")
    func renewal() async throws {
        let directory = try TemporaryDirectory()
        let (old, new) = (try await Self.pair(directory, for: "old.test"), try await Self.pair(directory, for: "new.test"))
        try await Self.withRedis(freshness: .milliseconds(500)) { redis, planb in
            try await redis.command("HSET", "tls:a.test", "certificate", old.certificate, "key", old.key)
            #expect(try await Self.served(planb.port, "a.test")?.contains("DNS:old.test") == true)
            try await redis.command("HSET", "tls:a.test", "certificate", new.certificate, "key", new.key)
            try await eventually("the new one is served") { try await Self.served(planb.port, "a.test")?.contains("DNS:new.test") == true }
            try await redis.command("HSET", "tls:a.test", "key", old.key)
            try await eventually("none is served") { try await Self.served(planb.port, "a.test") == nil }
        }
        try await Self.withRedis(freshness: .hours(1)) { redis, planb in
            try await redis.command("HSET", "tls:a.test", "certificate", old.certificate, "key", old.key)
            #expect(try await Self.served(planb.port, "a.test")?.contains("DNS:old.test") == true)
            try await redis.command("HSET", "tls:a.test", "certificate", new.certificate, "key", new.key)
            #expect(try await Self.served(planb.port, "a.test")?.contains("DNS:old.test") == true)
        }
    }

    @Test("names that visitors make up below a wildcard push no other name's pair out")
    func madeUpNames() async throws {
        let directory = try TemporaryDirectory()
        let (own, wild) = (try await Self.pair(directory, for: "own.test"), try await Self.pair(directory, for: "*.one.test"))
        try await Self.withRedis(freshness: .hours(1), keptLimit: 10) { redis, planb in
            try await redis.command("HSET", "tls:own.test", "certificate", own.certificate, "key", own.key)
            try await redis.command("HSET", "tls:*.one.test", "certificate", wild.certificate, "key", wild.key)
            #expect(try await Self.served(planb.port, "own.test") != nil)
            for number in 0..<15 { #expect(try await Self.served(planb.port, "h\(number).one.test")?.contains("DNS:*.one.test") == true) }
            await redis.stop()
            #expect(try await Self.served(planb.port, "own.test")?.contains("DNS:own.test") == true)
            // Pushed out by those that were asked for later.
            for name in ["h0.one.test", "h14.one.test"] { #expect(try await Self.served(planb.port, name)?.contains("DNS:*.one.test") == true, "\(name)") }
        }
    }

    @Test("certificates of https backends are verified: by the authority, and by the name or address in the entry; nothing is said to another")
    func backends() async throws {
        let directory = try TemporaryDirectory()
        let made = try await TestCertificates(in: URL(filePath: directory.path))
        let port = try freeLoopbackPort()
        let backend = try TestProcess(
            "/usr/bin/env",
            ["openssl", "s_server", "-accept", "\(port)", "-cert", made.path("server.pem"), "-key", made.path("server.key"), "-www", "-msg"])
        try await eventually("the backend listens") { (try? TestPeer.connect(port: port)) != nil }
        try await withPlanB(trustRoots: .file(made.path("ca.pem"))) { planb in
            for host in ["localhost", "127.0.0.1"] {
                try await planb.frontend("a.test", "https://\(host):\(port)")
                #expect(try await planb.get("a.test").hasPrefix("HTTP/1.1 200 "), "\(host)")
            }
            // An address that is not in the certificate.
            try await planb.frontend("b.test", "https://127.0.0.2:\(port)")
            #expect(try await planb.get("b.test").hasPrefix("HTTP/1.1 503 "))
            #expect(try await planb.errorLines(1)[0].contains("https://127.0.0.2:\(port)"))
        }
        try await withPlanB { planb in
            try await planb.frontend("a.test", "https://localhost:\(port)")
            #expect(try await planb.get("a.test").hasPrefix("HTTP/1.1 503 "))
        }
        await backend.stop(.kill)
    }

    @Test("HTTP/2 is offered where that was asked for, and otherwise not", arguments: [true, false])
    func http2(isOffered: Bool) async throws {
        let directory = try TemporaryDirectory()
        let pair = try await Self.pair(directory, for: "a.test")
        let folder = directory.file("certs")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try pair.certificate.write(toFile: "\(folder)/a.test.crt", atomically: true, encoding: .utf8)
        try pair.key.write(toFile: "\(folder)/a.test.key", atomically: true, encoding: .utf8)
        let source = try CertificateFolder(path: folder, logger: Self.logger).source(preset: .modern, offersHTTP2: isOffered, defaultName: nil)
        try await withPlanB(certificates: source) { planb in
            let lines = try await TestProcess.run(
                "/bin/sh", ["-c", "openssl s_client -connect 127.0.0.1:\(planb.port) -servername a.test -alpn h2,http/1.1 </dev/null 2>/dev/null || true"])
            #expect(lines.contains { $0.contains("ALPN protocol: h2") } == isOffered)
            if isOffered {
                let ask = "curl -sk --http2 -o /dev/null --resolve a.test:\(planb.port):127.0.0.1 https://a.test:\(planb.port)/x"
                _ = try await TestProcess.run("/bin/sh", ["-c", ask])
                #expect(try await planb.lines(1)[0].contains("] \"GET /x HTTP/2.0\" 400 13 "))
            }
        }
    }

    @Test("presets differ by the oldest version they speak", arguments: [(TLSPreset.modern, false), (.intermediate, true), (.old, true)])
    func presets(preset: TLSPreset, speaksOld: Bool) async throws {
        let directory = try TemporaryDirectory()
        let folder = directory.file("certs")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let pair = try await Self.pair(directory, for: "a.test")
        try pair.certificate.write(toFile: "\(folder)/a.test.crt", atomically: true, encoding: .utf8)
        try pair.key.write(toFile: "\(folder)/a.test.key", atomically: true, encoding: .utf8)
        let source = try CertificateFolder(path: folder, logger: Self.logger).source(preset: preset, offersHTTP2: false, defaultName: nil)
        try await withPlanB(certificates: source) { planb in
            for options in ["-tls1_2", "-tls1_3", "-groups X25519", "-groups P-256"] { #expect(try await Self.served(planb.port, "a.test", options) != nil) }
            let old = try await Self.served(planb.port, "a.test", "-tls1 -cipher ALL:@SECLEVEL=0")
            #expect((old != nil) == speaksOld)
        }
        #expect(TLSPreset(named: "anything") == .modern)
    }

    /// A certificate that signs itself, with a key of this kind.
    private static func selfSigned(_ directory: TemporaryDirectory, _ kind: [String]) async throws -> (certificate: String, key: String) {
        let (certificate, key) = (directory.file(UUID().uuidString), directory.file(UUID().uuidString))
        try await TestProcess.run(
            "/usr/bin/env",
            [
                "openssl", "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=a.test", "-addext", "subjectAltName=DNS:a.test", "-keyout", key, "-out",
                certificate,
            ]
                + kind)
        return (try String(contentsOfFile: certificate, encoding: .utf8), try String(contentsOfFile: key, encoding: .utf8))
    }

    @Test(
        "each preset has its suites, for both kinds of keys, in its own order whatever the client's is",
        arguments: [
            (TLSPreset.modern, "AES256-GCM-SHA384", ["ECDHE-RSA-CHACHA20-POLY1305"], ["AES128-SHA", "ECDHE-RSA-AES256-SHA", "AES128-GCM-SHA256"]),
            (.intermediate, "AES128-GCM-SHA256", ["AES128-SHA", "ECDHE-RSA-AES256-SHA"], ["ECDHE-RSA-CHACHA20-POLY1305"]),
            (.old, "AES128-GCM-SHA256", ["AES256-SHA", "ECDHE-RSA-AES128-SHA"], ["ECDHE-RSA-CHACHA20-POLY1305"]),
        ])
    func suites(preset: TLSPreset, preferred: String, known: [String], unknown: [String]) async throws {
        let directory = try TemporaryDirectory()
        let folder = directory.file("certs")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for (name, kind) in [("rsa.test", ["-newkey", "rsa:2048"]), ("ec.test", ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])] {
            let pair = try await Self.selfSigned(directory, kind)
            try pair.certificate.write(toFile: "\(folder)/\(name).crt", atomically: true, encoding: .utf8)
            try pair.key.write(toFile: "\(folder)/\(name).key", atomically: true, encoding: .utf8)
        }
        let source = try CertificateFolder(path: folder, logger: Self.logger).source(preset: preset, offersHTTP2: false, defaultName: nil)
        try await withPlanB(certificates: source) { planb in
            /// The suite that is agreed on; nil where there is none.
            func agreed(_ name: String, _ suites: String) async throws -> String? {
                let script =
                    "openssl s_client -connect 127.0.0.1:\(planb.port) -servername \(name) -tls1_2 -cipher '\(suites):@SECLEVEL=0' </dev/null 2>/dev/null || true"
                let line = try await TestProcess.run("/bin/sh", ["-c", script]).first { $0.hasPrefix("New, ") }
                return line?.split(separator: " ").last.flatMap { $0 == "(NONE)" ? nil : String($0) }
            }
            for (name, kind) in [("rsa.test", "RSA"), ("ec.test", "ECDSA")] {
                let both = ["AES128-GCM-SHA256", "AES256-GCM-SHA384"].map { "ECDHE-\(kind)-\($0)" }
                for order in [both, both.reversed()] {
                    let suite = try await agreed(name, order.joined(separator: ":"))
                    #expect(suite == "ECDHE-\(kind)-\(preferred)")
                }
            }
            for suite in known + unknown {
                let agreed = try await agreed("rsa.test", suite)
                #expect(agreed == (known.contains(suite) ? suite : nil), "\(suite)")
            }
        }
    }
}
