import DroneCore
import DroneStore
import Foundation
import PlaneProtocol
import PlaneTestSupport
import Testing

/// `scripts/chaos drone` runs this for long and with many seeds; here it is short, with one.
@Suite(.serialized, .enabled(if: LocalCluster.dockerSocket != nil, "PLANE_TEST_DOCKER_SOCKET names no Docker"))
struct DroneChaosTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let seed = environment["PLANE_TEST_CHAOS_SEED"].flatMap { UInt64($0) } ?? 1
    private static let duration = Duration.seconds(environment["PLANE_TEST_CHAOS_SECONDS"].flatMap { Int64($0) } ?? 15)

    @Test("whatever is killed: nothing is lost that was ready, nothing is left that has ended, and every history has one end")
    func storm() async throws {
        let docker = PrivateDocker.isPossible ? try await PrivateDocker(.bridged) : nil
        do {
            try await self.storm(docker: docker)
        } catch {
            try await docker?.stop()
            throw error
        }
        try await docker?.stop()
    }

    private func storm(docker: PrivateDocker?) async throws {
        if let docker {
            try await TestImage.build(on: docker.socket)
            let copy = "docker -H unix://$1 save $3 | docker -H unix://$2 load"
            let shared = try #require(LocalCluster.dockerSocket)
            try await TestProcess.run("/bin/sh", ["-c", copy, "sh", shared, docker.socket, DemoImage.name])
        } else {
            try await TestImage.build()
        }
        print("chaos drone: seed \(Self.seed), \(Self.duration), Docker \(docker == nil ? "shared" : "of its own")")
        try await withCluster(dockerSocket: docker?.socket) { cluster in
            let chaos = try DroneChaos(cluster, docker: docker, seed: Self.seed)
            do {
                try await chaos.startSteady()
                try await chaos.storm(for: Self.duration)
                try await chaos.checkInvariants()
            } catch {
                print("\(chaos.summary)")
                throw error
            }
            print("\(chaos.summary)")
            for backend in chaos.steady {
                try await cluster.terminate(backend)
                try await cluster.reached(.terminated, by: backend)
            }
            try await eventually("no container of a backend is left", within: .seconds(60)) {
                try await chaos.engine.list().allSatisfy { $0.drone != cluster.drone || $0.container.role == .other(ContainerHandle.sandboxRole) }
            }
        }
    }
}
