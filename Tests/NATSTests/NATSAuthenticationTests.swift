import Foundation
import Logging
import NATS
import NATSAddressing
import PlaneTestSupport
import Testing

@Suite("NATS credentials", .timeLimit(.minutes(10)))
struct NATSAuthenticationTests {
    private static let passwordConfiguration = #"authorization { user: "ann", password: "s3cret:@/" }"#

    /// Connects and sends one message to itself.
    private func expectWorks(_ connection: NATSConnection) async throws {
        let subscription = try connection.subscribe("a")
        try connection.publish("x".bytes, to: "a")
        #expect(await subscription.first(1).count == 1)
        await connection.drain()
    }

    @Test("user and password, from the options or percent-encoded in the URL, never reach the log")
    func password() async throws {
        try await withNATSServer(configuration: Self.passwordConfiguration) { server in
            let log = LogRecorder()
            try await self.expectWorks(
                try await .make(
                    server, authentication: .userPassword(user: "ann", password: "s3cret:@/"), logger: log.logger))
            try await self.expectWorks(
                try await .make(server, url: "nats://ann:s3cret%3A%40%2F@127.0.0.1:\(server.port)", logger: log.logger))
            #expect(log.entries.contains { $0.message == "connected to NATS" })
            #expect(!log.text.contains("s3cret"))
        }
    }

    @Test(
        "wrong credentials are refused once, with what to check and without the secret",
        arguments: [
            (NATSAuthentication.none, "credentials"), (.userPassword(user: "ann", password: "wr0ng"), "ann"),
            (.token("wr0ng"), "token"),
        ])
    func wrongPassword(authentication: NATSAuthentication, hint: String) async throws {
        try await withNATSServer(configuration: Self.passwordConfiguration) { server in
            let log = LogRecorder()
            let error = await #expect(throws: NATSError.self) {
                _ = try await NATSConnection.make(server, authentication: authentication, logger: log.logger) {
                    $0.initialAttempts = 30
                }
            }
            #expect(error?.code == .authorizationViolation)
            #expect(error?.isRetryable == false)
            #expect(error?.hint?.contains(hint) == true)
            #expect(error?.description.contains("\(server.port)") == true)
            #expect(error?.description.contains("wr0ng") == false)
            #expect(!log.text.contains("wr0ng"))
        }
    }

    @Test("a service tries wrong credentials again, and gets in when the server knows them")
    func laterPassword() async throws {
        try await withNATSServer(configuration: Self.passwordConfiguration) { server in
            let log = LogRecorder()
            let error = await #expect(throws: NATSError.self) {
                _ = try await NATSConnection.make(server, authentication: .userPassword(user: "ann", password: "wr0ng"), logger: log.logger) {
                    $0.initialAttempts = 3
                    $0.initialAttemptDelay = .milliseconds(1)
                    $0.repeatsRefused = true
                }
            }
            #expect(error?.code == .authorizationViolation)
            let attempts = log.entries.filter { $0.message == "NATS refuses the credentials, trying again" }
            #expect(attempts.map(\.level) == [.error, .debug], "the hint is the same, and is told once")
            #expect(!log.text.contains("wr0ng"))
        }
    }

    @Test("a request to a subject that the server does not let us publish to is refused at once, not late")
    func refusedSubject() async throws {
        let configuration = "authorization { users: [{ user: ann, password: p, permissions: { publish: { deny: [\"secret.>\"] } } }] }"
        try await withNATSServer(configuration: configuration) { server in
            let connection = try await NATSConnection.make(server, authentication: .userPassword(user: "ann", password: "p"), logger: LogRecorder().logger)
            let error = await #expect(throws: NATSError.self) { _ = try await connection.request([], to: "secret.a", timeout: .seconds(60)) }
            #expect(error?.code == .permissionDenied)
            #expect(error?.hint?.contains("permissions") == true)
            let unheard = await #expect(throws: NATSError.self) { _ = try await connection.request([], to: "open.a", timeout: .seconds(60)) }
            #expect(unheard?.code == .noResponders)
            await connection.drain()
        }
    }

    @Test("a token, from the options or alone in the URL")
    func token() async throws {
        try await withNATSServer(configuration: #"authorization { token: "t0ken" }"#) { server in
            try await self.expectWorks(try await .make(server, authentication: .token("t0ken")))
            try await self.expectWorks(try await .make(server, url: "nats://t0ken@127.0.0.1:\(server.port)"))
        }
    }

    @Test("a URL that cannot be read is refused before anything is sent, with what to write instead and without its password")
    func unreadableURL() async throws {
        let options = NATSOptions(servers: ["nats://ann:s3cret@n1:x"])
        let error = await #expect(throws: NATSError.self) { _ = try await NATSConnection.connect(options, logger: .silent) }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.hint == "the port must be a number from 1 to 65535")
        #expect(error?.description.contains("s3cret") == false)
        var dumped = ""
        dump(NATSOptions(authentication: .token("s3cret")), to: &dumped)
        #expect(!dumped.contains("s3cret"))
    }

    @Test("a credentials file; one of a stranger is refused by name, a missing one before anything is sent")
    func credentialsFile() async throws {
        let fixtures = try #require(Bundle.module.url(forResource: "Fixtures", withExtension: nil))
        let configuration = try String(contentsOf: fixtures.appending(path: "operator.conf"), encoding: .utf8)
        try await withNATSServer(jetStream: false, configuration: configuration) { server in
            let user = fixtures.appending(path: "user.creds").path
            try await self.expectWorks(try await .make(server, authentication: .credentialsFile(user)))
            for (file, code) in [("stranger.creds", NATSError.Code.authorizationViolation), ("none.creds", .invalidConfiguration)] {
                let path = fixtures.appending(path: file).path
                let error = await #expect(throws: NATSError.self) {
                    _ = try await NATSConnection.make(server, authentication: .credentialsFile(path))
                }
                #expect(error?.code == code)
                #expect(error?.description.contains(file) == true)
            }
        }
    }

    @Test("a subject that is not permitted is an event and a log line")
    func permissions() async throws {
        let configuration = """
            authorization { users: [ { user: "ann", password: "a", permissions: { publish: ["ok.>"], subscribe: [">"] } } ] }
            """
        try await withNATSServer(jetStream: false, configuration: configuration) { server in
            let log = LogRecorder()
            let connection = try await NATSConnection.make(
                server, authentication: .userPassword(user: "ann", password: "a"), logger: log.logger)
            try connection.publish([], to: "forbidden")
            let entry = await log.entry("NATS refuses something")
            #expect("\(entry.metadata)".contains("forbidden"))
            await connection.drain()
        }
    }

    @Test("credentials refused during a reconnect are tried again for ever, and subscriptions survive it")
    func refusedWhileReconnecting() async throws {
        try await withNATSServer(configuration: Self.passwordConfiguration) { server in
            let log = LogRecorder()
            let connection = try await NATSConnection.make(
                server, authentication: .userPassword(user: "ann", password: "s3cret:@/"), logger: log.logger)
            let subscription = try connection.subscribe("a")
            let file = server.directory.appending(path: "nats.conf")
            let configuration = try String(contentsOf: file, encoding: .utf8)
            await server.stop()
            try configuration.replacing("s3cret", with: "rotated").write(to: file, atomically: true, encoding: .utf8)
            try await server.startAgain()
            let entry = await log.entry("NATS still refuses us")
            #expect("\(entry.metadata)".contains("check the password of user ann"))
            let error = #expect(throws: NATSError.self) { try connection.publish([], to: "a") }
            #expect(error?.code == .notConnected)
            try await eventually("it has tried again") { log.entries.count { $0.message == "NATS still refuses us" } > 1 }
            #expect(log.entries.count { $0.message == "NATS still refuses us" && $0.level > .debug } == 1)
            await server.stop()
            try configuration.write(to: file, atomically: true, encoding: .utf8)
            let events = connection.events
            try await server.startAgain()
            #expect(await events.first { $0 == .reconnected } == .reconnected)
            try connection.publish("back".bytes, to: "a")
            #expect(await subscription.first(1).map(\.text) == ["back"])
            #expect(!log.text.contains("s3cret"))
            await connection.drain()
        }
    }
}
