import Foundation
import Glibc
import NATS
import PlaneTestSupport
import Testing

@Suite("The memory of a NATS connection", .timeLimit(.minutes(10)))
struct NATSMemoryTests {
    @Test("100 000 messages arrive in order without loss, and memory does not grow with them")
    func manyMessages() async {
        // In a process of its own, where nobody else's memory is measured.
        await #expect(processExitsWith: .success) {
            try await withNATSServer { server in
                let sender = try await NATSConnection.make(server)
                let receiver = try await NATSConnection.make(server)
                let subscription = try receiver.subscribe("bulk")
                try await receiver.flush()
                let transfer = Transfer(sender: sender, subscription: subscription)
                try await transfer.run(20_000)  // Buffers reach their size.
                let before = try MemoryUse.residentBytes()
                let start = ContinuousClock.now
                try await transfer.run(100_000)
                let elapsed = ContinuousClock.now - start
                let growth = try MemoryUse.residentBytes() - before
                #expect(subscription.droppedMessages == 0)
                #expect(growth < 4 << 20, "100 000 messages of 256 bytes are 26 MB; \(growth) bytes stayed")
                print("100 000 messages of 256 bytes in \(elapsed), resident memory changed by \(growth / 1024) KiB")
                await sender.drain()
                await receiver.drain()
            }
        }
    }

    @Test("subscriptions, requests and consumers that come and go leave no memory behind")
    func comingAndGoing() async {
        await #expect(processExitsWith: .success) {
            try await withNATSServer { server in
                let connection = try await NATSConnection.make(server)
                let jetStream = connection.jetStream
                _ = try await jetStream.ensureStream(StreamConfiguration(name: "s", subjects: ["s.>"]))
                _ = try await jetStream.publish([], to: "s.a")
                func comeAndGo(_ times: Int) async throws {
                    for _ in 0..<times {
                        let subscription = try connection.subscribe("echo")
                        async let served: Void = {
                            for request in await subscription.first(1) {
                                try? connection.publish(request.payload, to: request.reply ?? "")
                            }
                        }()
                        _ = try await connection.request([1, 2, 3], to: "echo")
                        await served
                        let consumer = try await jetStream.orderedConsumer(stream: "s", from: .first)
                        _ = await consumer.first(1)
                    }
                }
                try await comeAndGo(300)
                let before = try MemoryUse.residentBytes()
                try await comeAndGo(2000)
                let growth = try MemoryUse.residentBytes() - before
                #expect(growth < 2 << 20, "\(growth) bytes stayed")
                print("2 000 subscriptions, requests and consumers: resident memory changed by \(growth / 1024) KiB")
                await connection.drain()
            }
        }
    }
}

/// Sends and reads in rounds, so that no more than a round is ever buffered.
private struct Transfer {
    var sender: NATSConnection
    var subscription: NATSSubscription

    func run(_ count: Int) async throws {
        let round = 1000
        for start in stride(from: 0, to: count, by: round) {
            for number in start..<start + round {
                let payload = withUnsafeBytes(of: number) { Array($0) } + [UInt8](repeating: 7, count: 248)
                try self.sender.publish(payload, to: "bulk")
            }
            let numbers = await self.subscription.first(round).map { $0.payload.withUnsafeBytes { $0.load(as: Int.self) } }
            #expect(numbers == Array(start..<start + round))
        }
    }
}

/// The memory of this process.
private enum MemoryUse {
    /// From `/proc/self/statm`, whose second field counts pages.
    static func residentBytes() throws -> Int {
        let fields = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
        return try #require(Int(fields[1])) * Int(getpagesize())
    }
}
