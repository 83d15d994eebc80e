import Foundation
import NATS
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneState
import PlaneTestSupport
import SchedulerCore
import Synchronization
import Testing

/// On a real cluster of three nats-servers.
@Suite("Schedulers on three NATS servers") struct SchedulerClusterTests {
    /// What the system has said it has done.
    struct Acknowledged {
        var spawned: [ScheduledBackend] = []
        var ready: [BackendID] = []
        var failures = 0
    }

    @Test("a server killed under load, and back again: nothing acknowledged is lost, and requests are answered all the while or soon again")
    func killed() async throws {
        try await withNATSCluster { nats in
            try await TestCluster.run(on: nats.servers, schedulers: 2) { cluster in
                #expect(try await cluster.bus.connection.jetStream.streamInfo(SchedulerStreams.planeState).replicas == 3)
                #expect(try await cluster.bus.connection.jetStream.streamInfo(SchedulerStreams.backendStatus).replicas == 3)
                try await FakeDrone.run(in: cluster) { drone in
                    let (acknowledged, isOver) = (Recorder<Acknowledged>(), Flag())
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for _ in 0..<8 { group.addTask { acknowledged.record(await Self.ask(cluster, drone, until: isOver)) } }
                        try await Self.served(cluster, times: 50)
                        let leader = try await Self.leader(of: nats, cluster)
                        await leader.stop(.kill)
                        try await Self.served(cluster, times: 50)
                        try await leader.startAgain()
                        try await Self.waitUntilWhole(cluster)
                        try await Self.served(cluster, times: 50)
                        isOver.raise()
                        try await group.waitForAll()
                    }
                    // A consumer of a stream whose leader has just moved may have to be asked for again.
                    var subjects: Set<String> = []
                    try await eventually("the stream can be read", within: .seconds(60)) {
                        subjects = Set((try? await cluster.stream().map(\.subject)) ?? [])
                        return !subjects.isEmpty
                    }
                    let all = acknowledged.all
                    #expect(all.map(\.spawned.count).reduce(0, +) > 100)
                    for backend in all.flatMap(\.spawned) {
                        #expect(subjects.contains("state.cluster.plane_test.backend.\(backend.backendID).assignment"))
                    }
                    for backend in all.flatMap(\.ready) {
                        #expect(subjects.contains("state.cluster.plane_test.backend.\(backend).state.Ready"))
                    }
                    // The last state is mostly Ready; nobody acknowledges the fake drone's first word, which the other scheduler may write later.
                    try await eventually("every scheduler knows everything acknowledged") {
                        let last = try await Self.lastStates(cluster)
                        return cluster.fleets.allSatisfy { fleet in
                            fleet.ask { fleet in
                                all.flatMap(\.ready).allSatisfy { fleet.backend($0, in: TestCluster.name)?.state?.rawValue == last[$0.rawValue] }
                            }
                        }
                    }
                }
            }
        }
    }

    /// What the stream says last of each backend.
    static func lastStates(_ cluster: TestCluster) async throws -> [String: String] {
        var states: [String: String] = [:]
        for message in try await cluster.stream(filter: "state.cluster.plane_test.backend.*.state.*") {
            let tokens = message.subject.split(separator: ".")
            states[String(tokens[4])] = String(tokens[6])
        }
        return states
    }

    final class Flag: Sendable {
        private let isRaised = Mutex(false)
        var isUp: Bool { self.isRaised.withLock { $0 } }
        func raise() { self.isRaised.withLock { $0 = true } }
    }

    /// Asks for backends and reports them ready, one after the other, and notes what was acknowledged.
    static func ask(_ cluster: TestCluster, _ drone: FakeDrone, until isOver: Flag) async -> Acknowledged {
        var acknowledged = Acknowledged()
        // Cancelled when something failed beside it, which is then what the test reports.
        while !isOver.isUp, !Task.isCancelled {
            do {
                // A drone that is not heard for 30 s gets nothing more, and electing may take a part of that.
                try drone.beat()
                let backend = try await cluster.spawned()
                acknowledged.spawned.append(backend)
                try await cluster.report(.ready, backend.backendID, drone: backend.drone)
                acknowledged.ready.append(backend.backendID)
            } catch {
                // While the cluster elects a leader. What was not acknowledged may be lost.
                acknowledged.failures += 1
            }
        }
        return acknowledged
    }

    /// Returns when so many requests in a row were served.
    static func served(_ cluster: TestCluster, times: Int) async throws {
        var row = 0
        var lastRefusal = "none"
        do {
            try await eventually("\(times) requests in a row are served", within: .seconds(60)) {
                do {
                    _ = try await cluster.spawned()
                    row += 1
                } catch {
                    row = 0
                    lastRefusal = "\(error)"
                }
                return row >= times
            }
        } catch {
            Issue.record("the last refusal: \(lastRefusal)")
            throw error
        }
    }

    private struct Info: Decodable {
        struct Cluster: Decodable {
            struct Replica: Decodable { var current: Bool }
            var leader: String?
            var replicas: [Replica]?
        }
        var cluster: Cluster
    }

    private static func info(_ cluster: TestCluster) async throws -> Info.Cluster {
        let answer = try await cluster.bus.connection.request([], to: "$JS.API.STREAM.INFO.plane_state", timeout: .seconds(60))
        return try JSONDecoder().decode(Info.self, from: Data(answer.payload)).cluster
    }

    /// The server that leads the stream of the fleet's state.
    static func leader(of nats: NATSCluster, _ cluster: TestCluster) async throws -> NATSServer {
        let name = try #require(try await self.info(cluster).leader)
        return try #require(
            try nats.servers.first { server in
                try String(contentsOf: server.directory.appending(path: "nats.conf"), encoding: .utf8).contains(name)
            })
    }

    /// Returns when all copies of the stream are complete.
    static func waitUntilWhole(_ cluster: TestCluster) async throws {
        try await eventually("three complete copies", within: .seconds(60)) {
            guard let info = try? await self.info(cluster) else { return false }
            return info.leader != nil && info.replicas?.filter(\.current).count == 2
        }
    }
}
