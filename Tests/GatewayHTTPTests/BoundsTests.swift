import GatewayCore
import PlaneClient
import PlaneProtocol
import PlaneTestSupport
import Synchronization
import Testing

@testable import GatewayHTTP

@Suite("What strangers, a stolen drone or a stolen proxy of the tier can make a gateway hold")
struct BoundsTests {
    /// What the reads of a test do, and whether they may end.
    private final class Traffic: Sendable {
        let isOpen = Mutex(false)
        let running = Mutex(0)
        let most = Mutex(0)
        let done = Mutex(0)

        @Sendable func read() async throws(GatewayError) {
            let now = self.running.withLock { running in
                running += 1
                return running
            }
            self.most.withLock { $0 = max($0, now) }
            try? await eventually("they may go on", within: .seconds(60)) { self.isOpen.withLock { $0 } }
            self.running.withLock { $0 -= 1 }
        }
    }

    @Test("so many histories are read at the same time; further requests wait their turn, and beyond those that wait they are refused at once")
    func reads() async throws {
        let reads = StreamReads(patience: .seconds(120))
        let traffic = Traffic()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<StreamReads.limit + StreamReads.waitingLimit {
                group.addTask {
                    try await reads.run(traffic.read)
                    traffic.done.withLock { $0 += 1 }
                }
            }
            try await eventually("the first ones read, and the others wait") {
                traffic.running.withLock { $0 } == StreamReads.limit && reads.waitingCount == StreamReads.waitingLimit
            }
            let refused = await #expect(throws: GatewayError.self) { try await reads.run(traffic.read) }
            #expect(refused?.retryAfterSeconds != nil)
            traffic.isOpen.withLock { $0 = true }
            try await group.waitForAll()
        }
        #expect(traffic.done.withLock { $0 } == StreamReads.limit + StreamReads.waitingLimit)
        #expect(traffic.most.withLock { $0 } == StreamReads.limit)
        #expect(reads.runningCount == 0)
    }

    @Test("who waits too long for a turn is refused, and takes nobody's place")
    func impatient() async throws {
        let reads = StreamReads(patience: .milliseconds(20))
        let traffic = Traffic()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<StreamReads.limit { group.addTask { try await reads.run(traffic.read) } }
            try await eventually("all places are taken") { reads.runningCount == StreamReads.limit }
            await #expect(throws: GatewayError.self) { try await reads.run(traffic.read) }
            #expect(reads.waitingCount == 0)
            traffic.isOpen.withLock { $0 = true }
            try await group.waitForAll()
        }
        #expect(reads.runningCount == 0)
    }

    private func report(_ proxy: Int, sequence: UInt64) throws -> ProxyRevocationReport {
        ProxyRevocationReport(
            proxy: try #require(ProxyID(rawValue: "px-\(proxy)")), cluster: try #require(ClusterName(rawValue: "plane.test")), sequence: sequence, ended: 1)
    }

    @Test("of reports that somebody makes up, about one revocation or about many, a bounded number is kept while one waits")
    func reports() async throws {
        let waiters = RevocationWaiters()
        let reports = try (0..<15_000).map { try self.report($0, sequence: 7) } + (0..<15_000).map { try self.report(1, sequence: UInt64($0)) }
        let kept = Mutex(0)
        let outcome = try await waiters.outcome(of: [TierProcess(reports[0])]) { () async throws(GatewayError) in
            for report in reports { waiters.heard(report) }
            kept.withLock { $0 = waiters.reportCount }
            return 7
        }
        #expect(kept.withLock { $0 } == 10_000)
        #expect(outcome.answered <= 10_000)
        #expect(waiters.reportCount == 0)
    }

    @Test("of the statuses of one backend a bounded number is kept, the first and the last among them, and of freezing and thawing only the last")
    func statuses() throws {
        let cluster = try #require(ClusterName(rawValue: "plane.test"))
        let backend = try #require(BackendID(rawValue: "b-1"))
        func message(_ seconds: Int64, isHeld: Bool? = nil) -> BackendStateMessage {
            BackendStateMessage(
                cluster: cluster, state: .ready, backend: backend, time: WireTime(seconds: seconds), detail: BackendStatusDetail(isHeld: isHeld))
        }
        var messages: [BackendStateMessage] = []
        for second in 0..<1000 { StatusReader.add(message(Int64(second)), to: &messages) }
        #expect(messages.count == StatusReader.mostMessages)
        #expect(messages.first == message(0) && messages.last == message(999))
        messages = []
        StatusReader.add(message(0), to: &messages)
        for second in 1..<1000 { StatusReader.add(message(Int64(second), isHeld: !second.isMultiple(of: 2)), to: &messages) }
        #expect(messages == [message(0), message(999, isHeld: true)])
    }

    @Test("a subdomain that programs look for by themselves is refused", arguments: ["wpad", "localhost"])
    func reservedSubdomain(name: String) async throws {
        try await GatewayFixture.run { gateway in
            let answer = try await gateway.post(
                "/ctrl/connect", #"{"key":{"name":"room"},"spawn_config":{"executable":{"image":"app"},"subdomain":"\#(name)"}}"#)
            #expect(answer.status == 422 && answer.body.contains("subdomain"), "\(answer.body)")
        }
    }
}
