import Logging
import NATS
import PlaneProtocol
import PlaneService
import PlaneTestSupport
import Testing
import TierProxyPolicy

/// With its own user of `dev/config/nats-server.conf`, over TLS.
@Suite("The tier as a user of the sample nats-server.conf", .timeLimit(.minutes(10)))
struct TierTrustTests {
    @Test("it follows the state, reads tokens and revocations, tells of their use and of itself, and is refused nothing; making tokens and revoking is refused")
    func rights() async throws {
        let server = try await GuardedNATS.start()
        let scheduler = try TestProcess(
            TierFixture.program("scheduler"), environment: server.environment("scheduler").merging(["PLANE_SCHEDULER__TOKEN_USES_APART": "true"]) { $1 })
        try await scheduler.line(containing: "scheduler is ready")
        let (port, metricsPort) = (try freeLoopbackPort(), try freeLoopbackPort())
        let log = LogRecorder()
        let gateway = try await NATSConnection.connect(
            server.options("gateway", inboxPrefix: "controller.inbox.gateway"), logger: log.logger)
        let statuses = try gateway.subscribe(ProxyStatusMessage.subscription)
        try await gateway.flush()
        let proxy = try TestProcess(
            TierFixture.program("gateway-proxy"),
            environment: server.environment("gateway-proxy").merging([
                "PLANE_CLUSTER_DOMAIN": "plane.test", "PLANE_DRONE_ID": "px-1", "PLANE_PROXY__BIND_IP": "127.0.0.1",
                "PLANE_PROXY__HTTP_PORT": "\(port)", "PLANE_PROXY__INNER_SECRET": TierFixture.secret, "PLANE_PROXY__METRICS__PORT": "\(metricsPort)",
            ]) { $1 })
        try await proxy.line(containing: "the state of the fleet is known")
        for await message in statuses {
            let status = try WireCodec.decode(ProxyStatusMessage.self, from: message.payload, subject: message.subject)
            if status.isReady { break }
        }

        let record = TokenRecord(
            backend: try #require(BackendID(rawValue: "b-1")), cluster: try #require(ClusterName(rawValue: "plane.test")), user: "ann", lifetime: 1000,
            issued: WireTime(seconds: WireTime.now().seconds - 5000))
        let subject = TierFixture.subject(of: TierFixture.token)
        let first = try await gateway.jetStream.publish(WireCodec.encode(record), to: subject).sequence
        let useSubject = TierFixture.useSubject(of: TierFixture.token)
        // The proxy looks for a note of its use.
        let client = try TestPeer.connect(port: port)
        try await client.send("GET /\(TierFixture.token)/ HTTP/1.1\r\nHost: plane.test\r\nConnection: close\r\n\r\n")
        #expect(try await client.receiveToEnd().hasPrefix("HTTP/1.1 410 "), "there is such a token, and no such backend")

        let tier = try await NATSConnection.connect(server.options("gateway-proxy", inboxPrefix: "cluster.plane_test.inbox.tier"), logger: log.logger)
        _ = try await tier.jetStream.publish(WireCodec.encode(TokenUse(backend: record.backend, cluster: record.cluster)), to: useSubject)
        let revocation = "revoked.b-1.\(TokenDigest(of: "ann".utf8).hexadecimal)"
        var forged = record
        forged.user = "root"
        for (payload, forbidden) in [
            (WireCodec.encode(TokenRevocation(at: .now())), revocation), (WireCodec.encode(forged), subject),
            (WireCodec.encode(forged), TierFixture.subject(of: TierFixture.other)),
        ] {
            let error = await #expect(throws: NATSError.self) { _ = try await tier.jetStream.publish(payload, to: forbidden, timeout: .seconds(1)) }
            #expect(error?.code == .permissionDenied, "\(forbidden)")
        }
        #expect(log.entries.contains { $0.message.contains(GuardedNATS.refusal) })
        let stored = try await gateway.jetStream.lastMessage(stream: TokenRecord.stream, subject: subject)
        #expect(stored?.sequence == first, "the tier has replaced a record")
        _ = try await gateway.jetStream.publish(WireCodec.encode(TokenRevocation(at: .now())), to: revocation)
        try await eventually("the revocation is known") {
            let metrics = try TestPeer.connect(port: metricsPort)
            try await metrics.send("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            let page = try await metrics.receiveToEnd()
            #expect(try await MetricsLinter.findings(in: page) == [])
            return page.contains("\nplane_tier_revocations 1\n")
        }
        for connection in [tier, gateway] { await connection.drain(timeout: .seconds(1)) }
        for program in [proxy, scheduler] {
            await program.stop()
            #expect(!program.log.contains { $0.contains(GuardedNATS.refusal) }, "\(program.log)")
        }
    }
}
