import NATS
import PlaneTestSupport
import Testing

/// On a real cluster of three servers.
@Suite("JetStream replicas", .timeLimit(.minutes(10)))
struct JetStreamReplicaTests {
    private static let state = StreamConfiguration(
        name: "fleet", subjects: ["fleet.>"], maxMessagesPerSubject: 1, replicas: 3)

    @Test("W14: a stream made while the cluster lacks a server gets its replicas when the server is there, and keeps its messages")
    func forming() async throws {
        var cluster = try await NATSCluster.start(2)
        let connection = try await NATSConnection.make(cluster.servers[0])
        let jetStream = connection.jetStream
        try await eventually("the cluster has a leader, and says that it has too few servers") {
            do throws(NATSError) {
                _ = try await jetStream.ensureStream(Self.state, acceptingFewerReplicas: false)
                return false
            } catch {
                return error.meansTooFewServers
            }
        }
        #expect(try await jetStream.ensureStream(Self.state).replicas == 2)
        _ = try await jetStream.publish("1".bytes, to: "fleet.a")
        let tooEarly = await #expect(throws: NATSError.self) { try await jetStream.adjustStream(Self.state) }
        #expect(tooEarly?.meansTooFewServers == true)

        try await cluster.startNext()
        try await eventually("the stream can have three replicas") { (try? await jetStream.adjustStream(Self.state)) == true }
        #expect(try await jetStream.streamInfo("fleet").replicas == 3)
        #expect(try await jetStream.lastMessage(stream: "fleet", subject: "fleet.a")?.payload == "1".bytes)
        var fewer = Self.state
        fewer.replicas = 1
        #expect(try await !jetStream.adjustStream(fewer))
        #expect(try await jetStream.streamInfo("fleet").replicas == 3)
        await connection.drain()
        await cluster.stop()
    }

    @Test("an existing stream gets the age limit and the subjects that the configuration has, keeps its own subjects, and nothing else changes")
    func age() async throws {
        try await withNATSServer { server in
            let connection = try await NATSConnection.make(server)
            let jetStream = connection.jetStream
            _ = try await jetStream.ensureStream(StreamConfiguration(name: "logs", subjects: ["logs.>"], maxMessagesPerSubject: 7))
            let wanted = StreamConfiguration(name: "logs", subjects: ["elsewhere.>"], maxAge: .seconds(60))
            #expect(try await jetStream.adjustStream(wanted))
            #expect(try await !jetStream.adjustStream(wanted))
            for number in 0..<9 { _ = try await jetStream.publish("\(number)".bytes, to: "logs.a") }
            let info = try await jetStream.streamInfo("logs")
            #expect(info.subjects == ["logs.>", "elsewhere.>"])
            #expect(info.messages == 7)
            await connection.drain()
        }
    }
}
