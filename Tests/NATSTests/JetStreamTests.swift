import NATS
import PlaneTestSupport
import Testing

@Suite("JetStream", .timeLimit(.minutes(10)))
struct JetStreamTests {
    private static let state = StreamConfiguration(
        name: "fleet", subjects: ["fleet.>"], maxMessagesPerSubject: 1, replicas: 2)

    @Test("makes a stream with one replica where the server has no cluster, and leaves an existing one alone")
    func ensureStream() async throws {
        try await withNATSServer { server in
            let connection = try await NATSConnection.make(server)
            let created = try await connection.jetStream.ensureStream(Self.state)
            #expect(created.replicas == 1)
            #expect(created.subjects == ["fleet.>"])
            var other = Self.state
            other.subjects = ["elsewhere.>"]
            let found = try await connection.jetStream.ensureStream(other)
            #expect(found.subjects == ["fleet.>"])
            #expect(found.created == created.created)
            await connection.drain()
        }
    }

    @Test("lets ten processes make the same stream at once")
    func concurrentEnsureStream() async throws {
        try await withNATSServer { server in
            let connection = try await NATSConnection.make(server)
            let names = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<10 { group.addTask { try await connection.jetStream.ensureStream(Self.state).created } }
                return try await group.reduce(into: Set<String>()) { $0.insert($1) }
            }
            #expect(names.count == 1)
            await connection.drain()
        }
    }

    @Test("acknowledges a publish with its sequence")
    func publish() async throws {
        try await withNATSServer { server in
            let connection = try await NATSConnection.make(server)
            let jetStream = connection.jetStream
            _ = try await jetStream.ensureStream(Self.state)
            #expect(try await jetStream.publish("1".bytes, to: "fleet.a").sequence == 1)
            let ack = try await jetStream.publish("2".bytes, to: "fleet.a")
            #expect(ack.sequence == 2)
            #expect(ack.stream == "fleet")
            #expect(try await jetStream.lastMessage(stream: "fleet", subject: "fleet.a")?.payload == "2".bytes)
            #expect(try await jetStream.lastMessage(stream: "fleet", subject: "fleet.b") == nil)
            #expect(try await jetStream.streamInfo("fleet").messages == 1)
            await connection.drain()
        }
    }

    @Test("the headers of a stored message can be read: names, several values, none")
    func storedHeaders() async throws {
        try await withNATSServer { server in
            let connection = try await NATSConnection.make(server)
            let jetStream = connection.jetStream
            _ = try await jetStream.ensureStream(Self.state)
            var headers: NATSHeaders = ["Plane-Version": "2026.11.0 (a: b)"]
            headers.append("Other", "1")
            headers.append("Other", "2")
            _ = try await jetStream.publish("1".bytes, to: "fleet.a", headers: headers)
            _ = try await jetStream.publish("2".bytes, to: "fleet.b")
            let stored = try await jetStream.headersOfLastMessage(stream: "fleet", subject: "fleet.a")
            #expect(stored?["Plane-Version"] == "2026.11.0 (a: b)" && stored?.fields.filter { $0.name == "Other" }.map(\.value) == ["1", "2"])
            #expect(try await jetStream.headersOfLastMessage(stream: "fleet", subject: "fleet.b")?.isEmpty == true)
            #expect(try await jetStream.headersOfLastMessage(stream: "fleet", subject: "fleet.c") == nil)
            #expect(try await jetStream.lastMessage(stream: "fleet", subject: "fleet.a")?.payload == "1".bytes)
            await connection.drain()
        }
    }

    @Test("W2: lets exactly one of many writers win a subject")
    func compareAndSet() async throws {
        try await withNATSServer { server in
            let connection = try await NATSConnection.make(server)
            let jetStream = connection.jetStream
            _ = try await jetStream.ensureStream(Self.state)
            let codes = await withTaskGroup(of: NATSError.Code?.self) { group in
                for number in 0..<20 {
                    group.addTask {
                        do throws(NATSError) {
                            _ = try await jetStream.publish(
                                "\(number)".bytes, to: "fleet.lock", expectedLastSubjectSequence: 0)
                            return nil
                        } catch {
                            return error.code
                        }
                    }
                }
                return await group.reduce(into: [NATSError.Code?]()) { $0.append($1) }
            }
            #expect(codes.filter { $0 == nil }.count == 1)
            #expect(codes.filter { $0 == .wrongLastSequence }.count == 19)
            #expect(
                try await jetStream.publish([], to: "fleet.lock", expectedLastSubjectSequence: 1).sequence == 2)
            await connection.drain()
        }
    }

    @Test("purges one subject and says how much that was")
    func purge() async throws {
        try await withNATSServer { server in
            let connection = try await NATSConnection.make(server)
            let jetStream = connection.jetStream
            _ = try await jetStream.ensureStream(StreamConfiguration(name: "logs", subjects: ["logs.>"]))
            for _ in 0..<3 { _ = try await jetStream.publish([], to: "logs.a") }
            _ = try await jetStream.publish([], to: "logs.b")
            #expect(try await jetStream.purge(stream: "logs", subject: "logs.a") == 3)
            #expect(try await jetStream.streamInfo("logs").messages == 1)
            await connection.drain()
        }
    }

    @Test("lists the subjects that it holds, by a filter and up to a limit")
    func subjects() async throws {
        try await withNATSServer { server in
            let connection = try await NATSConnection.make(server)
            let jetStream = connection.jetStream
            _ = try await jetStream.ensureStream(Self.state)
            for subject in ["fleet.b.1", "fleet.a.2", "fleet.a.1", "fleet.a.1"] { _ = try await jetStream.publish([], to: subject) }
            #expect(try await jetStream.subjects(in: "fleet", matching: "fleet.a.*", limit: 10) == ["fleet.a.1", "fleet.a.2"])
            #expect(try await jetStream.subjects(in: "fleet", matching: "fleet.>", limit: 2) == ["fleet.a.1", "fleet.a.2"])
            #expect(try await jetStream.subjects(in: "fleet", matching: "fleet.c", limit: 2).isEmpty)
            await #expect(throws: NATSError.self) { try await jetStream.subjects(in: "none", matching: ">", limit: 2) }
            await connection.drain()
        }
    }

    @Test("purges only what is older than a sequence")
    func purgeBefore() async throws {
        try await withNATSServer { server in
            let connection = try await NATSConnection.make(server)
            let jetStream = connection.jetStream
            _ = try await jetStream.ensureStream(StreamConfiguration(name: "logs", subjects: ["logs.>"]))
            for _ in 0..<3 { _ = try await jetStream.publish([], to: "logs.a") }
            #expect(try await jetStream.purge(stream: "logs", subject: "logs.a", before: 3) == 2)
            #expect(try await jetStream.lastMessage(stream: "logs", subject: "logs.a")?.sequence == 3)
            await connection.drain()
        }
    }

    @Test("says clearly that there is no such stream, no stream for a subject, or no JetStream at all")
    func missing() async throws {
        try await withNATSServer { server in
            let connection = try await NATSConnection.make(server)
            let noStream = await #expect(throws: NATSError.self) { try await connection.jetStream.streamInfo("nothing") }
            #expect(noStream?.code == .streamNotFound)
            let noSubject = await #expect(throws: NATSError.self) {
                try await connection.jetStream.publish([], to: "nothing")
            }
            #expect(noSubject?.code == .noResponders)
            let badName = await #expect(throws: NATSError.self) { try await connection.jetStream.streamInfo("a.b") }
            #expect(badName?.code == .invalidSubject)
            await connection.drain()
        }
        try await withNATSServer(jetStream: false) { server in
            let connection = try await NATSConnection.make(server)
            let error = await #expect(throws: NATSError.self) { try await connection.jetStream.streamInfo("nothing") }
            #expect(error?.code == .jetStreamUnavailable)
            #expect(error?.hint != nil)
            await connection.drain()
        }
    }

    @Test("processes that start in the same moment make the same stream, and none takes it for another one with its subjects")
    func sameStreamAtOnce() async throws {
        try await withNATSServer { server in
            var processes: [NATSConnection] = []
            for _ in 0..<6 { processes.append(try await NATSConnection.make(server)) }
            for number in 0..<200 {
                let stream = StreamConfiguration(name: "same_\(number)", subjects: ["same.\(number).>"], replicas: 3)
                try await withThrowingTaskGroup(of: Int.self) { group in
                    for process in processes { group.addTask { try await process.jetStream.ensureStream(stream).replicas } }
                    for try await replicas in group { #expect(replicas == 1) }
                }
            }
            for process in processes { await process.drain() }
        }
    }

    @Test("subjects that another stream has are refused, and said to be")
    func overlap() async throws {
        try await withNATSServer { server in
            let connection = try await NATSConnection.make(server)
            _ = try await connection.jetStream.ensureStream(StreamConfiguration(name: "first", subjects: ["a.>"]))
            let error = await #expect(throws: NATSError.self) {
                try await connection.jetStream.ensureStream(StreamConfiguration(name: "second", subjects: ["a.b"]))
            }
            #expect(error?.isRetryable == false)
            #expect("\(error.map { "\($0)" } ?? "")".contains("its subjects a.b overlap with a.> of stream first"))
            await connection.drain()
        }
    }

    @Test("a question that was lost is asked again, as one is that a server had in hand when it died")
    func lostQuestion() async throws {
        try await withNATSServer(jetStream: false) { server in
            let connection = try await NATSConnection.make(server)
            let questions = try connection.subscribe("$JS.API.STREAM.INFO.lost")
            let info = Task { try await connection.jetStream.streamInfo("lost") }
            // The first is lost. A later one is answered in time even where this process gets no processor for a while.
            let answers = Task {
                var heard = 0
                for await question in questions {
                    heard += 1
                    guard heard > 1, let reply = question.reply else { continue }
                    try connection.publish(
                        Array(#"{"error":{"code":404,"err_code":10059,"description":"stream not found"}}"#.utf8), to: reply)
                }
            }
            defer { answers.cancel() }
            let error = await #expect(throws: NATSError.self) { try await info.value }
            #expect(error?.code == .streamNotFound)
            await connection.drain()
        }
    }
}
