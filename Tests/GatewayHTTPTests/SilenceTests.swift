import GatewayHTTP
import Logging
import NATS
import PlaneClient
import PlaneMessaging
import PlaneProtocol
import PlaneTestSupport
import Testing

@Suite("What an operator has to know of is logged", .timeLimit(.minutes(10)))
struct SilenceTests {
    @Test(
        "what the gateway may not hear is an error that names the missing permission and says what comes of it",
        arguments: [
            (ProxyStatusMessage.subscription, "proxies of the tier cannot be heard"),
            (
                ProxyRevocationReport.subscription,
                "proxies' reports of revocations cannot be heard, so nobody is told how many requests were ended"
            ),
        ])
    func forbidden(subject: String, complaint: String) async throws {
        let configuration = """
            authorization { users: [ { user: "ann", password: "a", permissions: { subscribe: { deny: ["\(subject)"] } } } ] }
            """
        try await withNATSServer(jetStream: false, configuration: configuration) { server in
            let log = LogRecorder()
            let connection = try await NATSConnection.connect(
                NATSOptions(servers: ["nats://ann:a@127.0.0.1:\(server.port)"]), logger: silent)
            let fleet = Fleet(client: PlaneClient(connection: connection, logger: silent), logger: log.logger)
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await fleet.run() }
                let entry = await log.entry(complaint)
                #expect(entry.level == .error && "\(entry.metadata)".contains(subject))
                group.cancelAll()
            }
            await connection.drain(timeout: .seconds(1))
        }
    }

    @Test("what was stored for later visitors and cannot be read is not taken for nothing without a word, and its content is not logged")
    func unreadable() async throws {
        try await GatewayFixture.run { gateway in
            let backend = try #require(BackendID(rawValue: "mine"))
            let jetStream = gateway.client.bus.connection.jetStream
            _ = try await jetStream.publish(Array(#"{"static_token":["s3cret"]}"#.utf8), to: OpenedBackend.subject(of: backend))
            let answer = try await gateway.connect(#"{"spawn_config":{"id":"mine","executable":{"image":"app"},"use_static_token":true}}"#)
            #expect(answer.status == 500 && gateway.drone.requests.isEmpty, "\(answer.body)")
            let entry = await gateway.log.entry("a stored record cannot be read and counts as none")
            #expect("\(entry.metadata)".contains("opened.mine") && !gateway.log.text.contains("s3cret"))
        }
    }
}
