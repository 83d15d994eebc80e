import ACME
import Crypto
import Foundation
import PlaneTestSupport
import Testing
import X509

@testable import CertificateCore

/// The programs as an operator starts them: the value goes cert-refresher → NATS → scheduler → stream → dns, where a real authority
/// looks for it.
@Suite("The program cert-refresher", .enabled(if: PebbleServer.isInstalled, "needs Debian's package pebble"), .serialized)
struct CertRefresherProgramTests {
    /// nats-server, scheduler, dns, pebble, and the files of a drone. Each service is its user of the sample nats-server.conf, over TLS.
    struct Site {
        let nats: GuardedNATS
        let scheduler: TestProcess
        let dns: TestProcess
        let pebble: PebbleServer
        let directory: TemporaryDirectory
        let dnsPort: UInt16
        let metricsPort: UInt16

        /// - Parameter options: of the authority, which always looks the values up in our name server.
        static func start(_ options: PebbleServer.Options = .init()) async throws -> Site {
            let nats = try await GuardedNATS.start()
            let dnsPort = try freeLoopbackPort()
            let scheduler = try TestProcess.ours("scheduler", environment: nats.environment("scheduler"))
            let dns = try Self.dns(nats, port: dnsPort)
            try await scheduler.line(containing: "scheduler is ready")
            try await dns.line(containing: "dns is ready")
            var options = options
            options.alwaysValid = false
            options.dnsServer = "127.0.0.1:\(dnsPort)"
            return Site(
                nats: nats, scheduler: scheduler, dns: dns, pebble: try await PebbleServer(options), directory: try TemporaryDirectory(),
                dnsPort: dnsPort, metricsPort: try freeLoopbackPort())
        }

        static func dns(_ nats: GuardedNATS, port: UInt16) throws -> TestProcess {
            let environment = ["PLANE_DNS__PORT": "\(port)", "PLANE_DNS__BIND_IP": "127.0.0.1", "PLANE_DNS__DOMAIN_NAME": "ns1.plane.test"]
            return try TestProcess.ours("dns", environment: nats.environment("dns").merging(environment) { $1 })
        }

        func stop() async {
            await self.dns.stop(.kill)
            await self.scheduler.stop(.kill)
            await self.pebble.stop()
            await self.nats.server.stop(.kill)
            for program in [self.scheduler, self.dns] {
                #expect(!program.log.contains { $0.contains(GuardedNATS.refusal) }, "\(program.program) lacks a permission in nats-server.conf")
            }
        }

        func refresher(_ flags: [String] = [], drone: String = "a", secret: String? = nil) throws -> TestProcess {
            let file = self.directory.file("drone-\(drone).toml")
            try """
            cluster_domain = "plane.test"
            [cert]
            key_path = "\(self.directory.file("\(drone).key"))"
            cert_path = "\(self.directory.file("\(drone).pem"))"
            \(secret.map { "shared_secret = \"\($0)\"" } ?? "")
            [acme]
            server = "\(self.pebble.directoryURL)"
            admin_email = "ops@plane.test"
            ca_path = "\(self.pebble.rootPath)"
            dns_servers = ["127.0.0.1:\(self.dnsPort)"]
            propagation_timeout_secs = 5
            \(drone == "a" ? "metrics.port = \(self.metricsPort)" : "")
            """.write(toFile: file, atomically: true, encoding: .utf8)
            return try TestProcess.ours("cert-refresher", flags + [file], environment: self.nats.environment("cert-refresher"))
        }

        func files(drone: String = "a") -> CertificateFiles {
            CertificateFiles(certPath: self.directory.file("\(drone).pem"), keyPath: self.directory.file("\(drone).key"))
        }

        /// The pair that lies there.
        func pair(drone: String = "a") throws -> CertificatePair? {
            guard case .usable(let pair) = try self.files(drone: drone).load(names: Pairs.names, now: Date()) else { return nil }
            return pair
        }
    }

    @Test("a wrong configuration ends it with 64 and all mistakes")
    func mistakes() async throws {
        let directory = try TemporaryDirectory()
        let file = directory.file("drone.toml")
        try """
        cluster_domain = "plane.test"
        [cert]
        key_path = "key.pem"
        cert_path = "cert.pem"
        key_type = "dsa"
        [acme]
        server = "letsencrypt"
        admin_email = "ops"
        dns_servers = ["ns1.plane.test"]
        """.write(toFile: file, atomically: true, encoding: .utf8)
        let program = try TestProcess.ours("cert-refresher", ["--check", file])
        #expect(await program.ended() == 64)
        let log = program.log.joined(separator: "\n")
        for mistake in ["nats: found nothing", "cert.key_type: found", "acme.server: found", "acme.admin_email: found", "acme.dns_servers: found"] {
            #expect(log.contains("cert-refresher: error: \(mistake)"))
        }
    }

    @Test("C5, C8: from nothing to a certificate through our own name server, with an authority that is slow and refuses nonces; then renewed")
    func endToEnd() async throws {
        var options = PebbleServer.Options()
        options.nonceReject = 40
        options.validationSleep = 2
        let site = try await Site.start(options)
        let refresher = try site.refresher()
        try await refresher.line(containing: "new certificate")
        let first = try #require(try site.pair())
        #expect(first.chain.names == Set(Pairs.names))
        // The log tells of it a moment before the metrics do.
        try await eventually("the metrics show the new certificate") {
            let metrics = try await site.metrics()
            return metrics.contains("plane_cert_is_usable{cluster=\"plane.test\"} 1")
                && metrics.contains("plane_cert_orders_total{cluster=\"plane.test\",result=\"issued\"} 1")
        }
        #expect(await refresher.stop(.terminate) == 0)
        #expect(!refresher.log.joined().contains("PRIVATE"))

        // Twenty of ninety days are left.
        let worn = try Pairs.make(from: Date(timeIntervalSinceNow: -70 * Pairs.day), to: Date(timeIntervalSinceNow: 20 * Pairs.day))
        try site.files().install(worn, names: Pairs.names, now: Date())
        #expect(await (try site.refresher(["--once"])).ended() == 0)
        let second = try #require(try site.pair())
        #expect(second.chain.leaf.serialNumber != first.chain.leaf.serialNumber && second.chain.pem != worn.chain.pem)

        // A fresh one is left alone, even with the authority gone.
        await site.pebble.stop()
        #expect(await (try site.refresher(["--once"])).ended() == 0)
        #expect(try site.pair()?.chain.pem == second.chain.pem)
        await site.stop()
    }

    @Test("a renewed pair is served to new connections by the proxy, and open ones go on with the one before")
    func proxyPicksUp() async throws {
        let site = try await Site.start()
        let worn = try Pairs.make(from: Date(timeIntervalSinceNow: -70 * Pairs.day), to: Date(timeIntervalSinceNow: 20 * Pairs.day))
        try site.files().install(worn, names: Pairs.names, now: Date())
        let port = try freeLoopbackPort()
        let file = site.directory.file("proxy.toml")
        try """
        cluster_domain = "plane.test"
        db_path = "\(site.directory.file("drone.sqlite3"))"
        nats.hosts = ["127.0.0.1:1"]
        [cert]
        key_path = "\(site.files().keyPath)"
        cert_path = "\(site.files().certPath)"
        [proxy]
        bind_ip = "127.0.0.1"
        http_port = \(try freeLoopbackPort())
        https_port = \(port)
        """.write(toFile: file, atomically: true, encoding: .utf8)
        let proxy = try TestProcess.ours("drone-proxy", [file])
        try await proxy.line(containing: "drone-proxy is ready")
        let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(path: "Interop/renewed_pair.py")
        let browser = try TestProcess("/usr/bin/python3", [script.path, "\(port)"])
        try await browser.line(containing: "connected")
        #expect(await (try site.refresher(["--once"])).ended() == 0)
        #expect(await browser.ended() == 0, "\(browser.log)")
        await proxy.stop(.terminate)
        await site.stop()
    }

    @Test("while the name server is away, the authority is not asked to look, and the operator is told; when it is back, all is well")
    func withoutDNS() async throws {
        let site = try await Site.start()
        await site.dns.stop(.kill)
        // A name server that was never told anything, in its place.
        let stranger = try TestProcess.ours(
            "dns",
            environment: [
                "PLANE_NATS__HOSTS": "127.0.0.1:1", "PLANE_DNS__PORT": "\(site.dnsPort)", "PLANE_DNS__BIND_IP": "127.0.0.1",
            ])
        try await stranger.line(containing: "dns listens")
        let failing = try site.refresher(["--once"])
        #expect(await failing.ended() == 1)
        let log = failing.log.joined(separator: "\n")
        #expect(log.contains("could not publish _acme-challenge.plane.test: challengeNotPresented"))
        #expect(log.contains("127.0.0.1:\(site.dnsPort)"))
        await stranger.stop(.kill)
        let dns = try Site.dns(site.nats, port: site.dnsPort)
        try await dns.line(containing: "dns is ready")
        #expect(await (try site.refresher(["--once"])).ended() == 0)
        #expect(try site.pair() != nil)
        await dns.stop(.kill)
        await site.stop()
    }

    @Test("NATS and the scheduler go away in the middle of an order, and the order goes on when they are back")
    func withoutNATS() async throws {
        let site = try await Site.start()
        await site.scheduler.stop(.kill)
        let refresher = try site.refresher(["--once"])
        // The authority has given its challenge; nobody is there to take it.
        try await refresher.line(containing: "challenge is not stored yet")
        await site.nats.server.stop(.kill)
        try await refresher.line(containing: "disconnected from NATS")
        try await site.nats.server.startAgain()
        let scheduler = try TestProcess.ours("scheduler", environment: site.nats.environment("scheduler"))
        #expect(await refresher.ended() == 0)
        #expect(refresher.log.filter { $0.contains("ordering a certificate") }.count == 1)
        #expect(try site.pair() != nil)
        await scheduler.stop(.kill)
        await site.stop()
    }

    @Test("without an authority it says so, keeps the old pair, and ends in order")
    func withoutAuthority() async throws {
        let site = try await Site.start()
        let worn = try Pairs.make(from: Date(timeIntervalSinceNow: -70 * Pairs.day), to: Date(timeIntervalSinceNow: 20 * Pairs.day))
        try site.files().install(worn, names: Pairs.names, now: Date())
        await site.pebble.stop()
        let refresher = try site.refresher()
        try await refresher.line(containing: "no new certificate; the old one, if any, stays")
        #expect(try site.pair()?.chain.pem == worn.chain.pem)
        #expect(await refresher.stop(.terminate) == 0)
        await site.stop()
    }
}

extension CertRefresherProgramTests.Site {
    func metrics() async throws -> String {
        let connection = try await LoopbackConnection(port: self.metricsPort)
        try await connection.send("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        let page = String(decoding: try await connection.receiveToEnd(), as: UTF8.self)
        #expect(try await MetricsLinter.findings(in: page) == [])
        return page
    }
}
