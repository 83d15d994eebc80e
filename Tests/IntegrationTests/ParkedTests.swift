import DockerEngine
import DroneCore
import DroneStore
import Foundation
import PlaneProtocol
import PlaneTestSupport
import Testing

/// Containers that run before they are asked for, with every part as a program of its own.
@Suite(.serialized, .timeLimit(.minutes(10)), .enabled(if: LocalCluster.dockerSocket != nil, "PLANE_TEST_DOCKER_SOCKET names no Docker"))
struct ParkedTests {
    private static let parked = ["PLANE_AGENT__PARKED__1__IMAGE": DemoImage.name]

    private func engine(of cluster: LocalCluster) -> DockerEngineAdapter {
        DockerEngineAdapter(client: DockerClient(endpoint: .unixSocket(path: cluster.dockerSocket)), template: ContainerTemplate())
    }

    /// The cluster's containers that have been parked, and whether they wait still.
    private func parked(_ cluster: LocalCluster) async throws -> [ContainerListing] {
        try await self.engine(of: cluster).list().filter { $0.drone == cluster.drone && $0.container.isParked && $0.isRunning }
    }

    private func launchAgent(_ cluster: LocalCluster, _ environment: [String: String] = [:]) async throws -> TestProcess {
        let agent = try cluster.launch(.agent, environment: Self.parked.merging(environment) { $1 })
        try await agent.line(containing: "drone-agent is ready")
        return agent
    }

    @Test("a backend in a container that ran is reached through the proxy, and the answer to the next says how long it will take")
    func life() async throws {
        try await withCluster { cluster in
            await cluster.stop(.agent, .terminate)
            _ = try await self.launchAgent(cluster)
            try await eventually("one waits", within: .seconds(60)) { try await self.parked(cluster).count == 1 }
            let first = try await cluster.schedule(image: DemoImage.name)
            #expect(first.readyInMilliseconds == nil)
            #expect(try await cluster.reached(.ready, by: first.backendID).detail?.start == .parked)
            #expect(try await cluster.get(of: first.backendID).status == 200)
            try await eventually("another waits", within: .seconds(60)) { try await self.parked(cluster).count == 2 }
            let second = try await cluster.schedule(image: DemoImage.name)
            #expect(second.readyInMilliseconds != nil)
            for backend in [first.backendID, second.backendID] {
                try await cluster.terminate(backend)
                try await cluster.reached(.terminated, by: backend)
            }
        }
    }

    @Test(
        "an agent that is killed with a claimed container leaves one container of the backend, whatever that had been told",
        arguments: [FaultPoint.created, .starting, .started])
    func killed(point: FaultPoint) async throws {
        try await withCluster { cluster in
            await cluster.stop(.agent, .terminate)
            let doomed = try await self.launchAgent(cluster, ["PLANE_TEST_FAULT": "\(point.rawValue):1"])
            try await eventually("one waits", within: .seconds(60)) { try await self.parked(cluster).count == 1 }
            let claimed = try await self.parked(cluster).compactMap(\.container.id)
            let backend = try await cluster.schedule(image: DemoImage.name).backendID
            await doomed.ended()
            await cluster.stop(.agent, .kill)
            _ = try await self.launchAgent(cluster)
            try await cluster.reached(.ready, by: backend)
            #expect(try await cluster.get(of: backend).status == 200)
            try await eventually("the claimed one is gone, and another waits", within: .seconds(60)) {
                let ids = try await self.parked(cluster).compactMap(\.container.id)
                return ids.count == 1 && ids != claimed
            }
            try await cluster.terminate(backend)
            try await cluster.reached(.terminated, by: backend)
        }
    }
}
