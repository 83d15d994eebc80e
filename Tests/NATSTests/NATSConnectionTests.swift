import NATS
import PlaneTestSupport
import Testing

@Suite("A NATS connection", .timeLimit(.minutes(10)))
struct NATSConnectionTests {
    @Test("delivers what was published, with reply subject, headers and an empty payload")
    func publishAndSubscribe() async throws {
        try await withNATSServer { server in
            let connection = try await NATSConnection.make(server)
            let subscription = try connection.subscribe("room.*")
            try connection.publish("hello".bytes, to: "room.1")
            try connection.publish([], to: "room.2", headers: ["Colour": "blue", "Size": "1 m"], reply: "room.reply")
            let messages = await subscription.first(2)
            #expect(messages.map(\.subject) == ["room.1", "room.2"])
            #expect(messages[0].text == "hello")
            #expect(messages[0].headers.isEmpty)
            #expect(messages[1].payload.isEmpty)
            #expect(messages[1].reply == "room.reply")
            #expect(messages[1].headers["Colour"] == "blue")
            #expect(messages[1].headers["Size"] == "1 m")
            await connection.drain()
        }
    }

    @Test("gives each message to one member of a queue group")
    func queueGroup() async throws {
        try await withNATSServer { server in
            let connection = try await NATSConnection.make(server)
            let members = try (0..<2).map { _ in try connection.subscribe("work", queue: "workers") }
            for number in 0..<100 { try connection.publish("\(number)".bytes, to: "work") }
            try await connection.flush()
            for member in members { member.drain() }
            var seen: [String] = []
            for member in members {
                for await message in member { seen.append(message.text) }
            }
            #expect(seen.count == 100)
            #expect(Set(seen).count == 100)
            await connection.drain()
        }
    }

    @Test("answers a request, several answers being one")
    func request() async throws {
        try await withNATSServer { server in
            let connection = try await NATSConnection.make(server)
            let service = try connection.subscribe("echo")
            async let serving: Void = {
                for await message in service {
                    guard let reply = message.reply else { continue }
                    try? connection.publish(message.payload, to: reply)
                    try? connection.publish("again".bytes, to: reply)
                }
            }()
            for number in 0..<10 {
                let answer = try await connection.request("\(number)".bytes, to: "echo")
                #expect(answer.text == "\(number)")
            }
            await connection.drain()
            await serving
        }
    }

    @Test("keeps thousands of requests in flight without a thread for each")
    func manyRequests() async throws {
        try await withNATSServer { server in
            let connection = try await NATSConnection.make(server)
            let service = try connection.subscribe("slow.echo")
            let count = 5000
            async let serving: Int = {
                // Answers only when all have arrived, so all are in flight together.
                let requests = await service.first(count)
                for request in requests { try? connection.publish(request.payload, to: request.reply ?? "") }
                return requests.count
            }()
            let answers = try await withThrowingTaskGroup(of: String.self) { group in
                for number in 0..<count {
                    group.addTask {
                        try await connection.request("\(number)".bytes, to: "slow.echo", timeout: .seconds(60)).text
                    }
                }
                return try await group.reduce(into: Set<String>()) { $0.insert($1) }
            }
            #expect(answers.count == count)
            #expect(await serving == count)
            await connection.drain()
        }
    }

    @Test("says at once that nobody listens")
    func noResponders() async throws {
        try await withNATSServer { server in
            let connection = try await NATSConnection.make(server)
            let error = await #expect(throws: NATSError.self) {
                try await connection.request([], to: "nobody.home", timeout: .seconds(60))
            }
            #expect(error?.code == .noResponders)
            #expect(error?.isRetryable == true)
            #expect(error?.description.contains("nobody.home") == true)
            await connection.drain()
        }
    }

    @Test("gives up a request after its timeout, and one whose task is cancelled at once")
    func timeoutAndCancellation() async throws {
        try await withNATSServer { server in
            let connection = try await NATSConnection.make(server)
            let silent = try connection.subscribe("silent")
            let error = await #expect(throws: NATSError.self) {
                try await connection.request([], to: "silent", timeout: .milliseconds(50))
            }
            #expect(error?.code == .timedOut)
            let task = Task { try await connection.request([], to: "silent", timeout: .seconds(600)) }
            _ = await silent.first(2)  // The second request has been sent.
            task.cancel()
            let cancelled = await #expect(throws: NATSError.self) { try await task.value }
            #expect(cancelled?.code == .cancelled)
            await connection.drain()
        }
    }

    @Test("refuses what would break the protocol", arguments: ["", "a b", "a..b", ".a", "a.", "a\r\nPUB x 0", "a.*", "a.>"])
    func invalidSubjects(subject: String) async throws {
        try await withNATSServer { server in
            let connection = try await NATSConnection.make(server)
            let error = #expect(throws: NATSError.self) { try connection.publish([], to: subject) }
            #expect(error?.code == .invalidSubject)
            let headerError = #expect(throws: NATSError.self) {
                try connection.publish([], to: "a", headers: ["A": "b\r\nC: d"])
            }
            #expect(headerError?.code == .invalidSubject)
            await connection.drain()
        }
    }

    @Test("refuses a message larger than the server takes")
    func payloadTooLarge() async throws {
        try await withNATSServer(configuration: "max_payload: 1000") { server in
            let connection = try await NATSConnection.make(server)
            let error = #expect(throws: NATSError.self) {
                try connection.publish([UInt8](repeating: 1, count: 1001), to: "a")
            }
            #expect(error?.code == .payloadTooLarge)
            await connection.drain()
        }
    }

    @Test("drains: what was sent is handled, what is in flight is answered, then everything ends")
    func drain() async throws {
        try await withNATSServer { server in
            let connection = try await NATSConnection.make(server)
            let client = try await NATSConnection.make(server)
            let service = try connection.subscribe("service")
            let events = connection.events
            async let handled: Int = {
                var count = 0
                for await message in service {
                    count += 1
                    if let reply = message.reply { try? connection.publish(message.payload, to: reply) }
                }
                return count
            }()
            try await connection.flush()
            let answers = try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<100 {
                    group.addTask { _ = try await client.request("\(number)".bytes, to: "service") }
                }
                return try await group.reduce(into: 0) { count, _ in count += 1 }
            }
            #expect(answers == 100)
            await connection.drain()
            #expect(await handled == 100)
            #expect(!connection.isConnected)
            #expect(await events.first { $0 == .closed } == .closed)
            let error = #expect(throws: NATSError.self) { try connection.publish([], to: "a") }
            #expect(error?.code == .closed)
            await client.drain()
        }
    }

    @Test("ends a subscription with its reader's task, and unsubscribes when nobody holds it")
    func subscriptionLifetime() async throws {
        try await withNATSServer { server in
            let connection = try await NATSConnection.make(server)
            let subscription = try connection.subscribe("a")
            let reader = Task { await subscription.first(1).count }
            reader.cancel()
            #expect(await reader.value == 0)
            do { _ = try connection.subscribe("b") }
            try await connection.flush()
            let error = await #expect(throws: NATSError.self) { try await connection.request([], to: "b") }
            #expect(error?.code == .noResponders)
            await connection.drain()
        }
    }
}
