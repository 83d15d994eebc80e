import Foundation
import NATS
import PlaneProtocol
import PlaneTestSupport
import Testing

/// The state of the fleet is deleted under a running cluster.
@Suite(.serialized, .enabled(if: LocalCluster.dockerSocket != nil, "PLANE_TEST_DOCKER_SOCKET names no Docker"))
struct LostStateTests {
    /// The program `dns` beside a cluster, and `plane`, as operators run them.
    private struct Operator {
        let cluster: LocalCluster
        private let port: UInt16
        private let directory: TemporaryDirectory
        private let dns: TestProcess

        init(_ cluster: LocalCluster) async throws {
            self.cluster = cluster
            self.port = try freeLoopbackPort()
            self.directory = try TemporaryDirectory()
            let file = self.directory.file("controller.toml")
            try """
            nats.hosts = ["\(cluster.server.url)"]
            [dns]
            port = \(self.port)
            bind_ip = "127.0.0.1"
            soa_email = "ops@plane.test"
            domain_name = "ns1.plane.test"
            """.write(toFile: file, atomically: true, encoding: .utf8)
            self.dns = try TestProcess.ours("dns", [file])
            try await self.dns.line(containing: "dns is ready")
        }

        func address(of backend: BackendID) async throws -> String {
            let name = "\(backend.rawValue).\(self.cluster.cluster.rawValue)"
            return try await TestProcess.run("/usr/bin/dig", ["@127.0.0.1", "-p", "\(self.port)", "+norecurse", "+short", name, "A"])
                .filter { !$0.isEmpty }.joined()
        }

        /// As a `plane` that starts now, and knows nothing but the stream, lists them.
        func listed() async throws -> String {
            let plane = try TestProcess.ours("plane", ["list-backends", "--nats", self.cluster.server.url, "--json"])
            await plane.ended()
            return plane.log.joined()
        }

        func stop() async { await self.dns.stop() }
    }

    @Test("the state stream deleted by hand: agents fill it again, names and lists are true again, and no backend is touched")
    func deletedStream() async throws {
        try await withCluster { cluster in
            let people = try await Operator(cluster)
            let lock = LockName(rawValue: "doc-1")!
            let locked = try await cluster.schedule(image: DemoImage.name, requireBearerToken: true, lock: lock)
            let others = [try await cluster.schedule(image: DemoImage.name).backendID, try await cluster.schedule(image: DemoImage.name).backendID]
            for backend in others + [locked.backendID] { try await cluster.reached(.ready, by: backend) }
            let socket = try await cluster.openWebSocket(to: others[0])
            #expect(try await people.address(of: others[0]) == "127.0.0.1")

            let answer = try await cluster.bus.request([], to: "$JS.API.STREAM.DELETE.plane_state", timeout: .seconds(60))
            #expect(String(decoding: answer.payload, as: UTF8.self).contains(#""success":true"#))

            let start = ContinuousClock.now
            try await eventually("plane lists every backend as Ready", within: .seconds(60)) {
                let list = try await people.listed()
                return (others + [locked.backendID]).allSatisfy { list.contains($0.rawValue) } && list.components(separatedBy: #""Ready""#).count > 3
            }
            for backend in others + [locked.backendID] {
                try await eventually("its name is answered for") { try await people.address(of: backend) == "127.0.0.1" }
            }
            print("state stream deleted: the truth is back after \(ContinuousClock.now - start)")
            let again = try await cluster.schedule(image: DemoImage.name, lock: lock)
            #expect(again.backendID == locked.backendID && !again.spawned)
            #expect(again.bearerToken == locked.bearerToken)
            #expect(try await socket.echo("still here") == "still here")

            for backend in others + [locked.backendID] {
                try await cluster.terminate(backend)
                #expect(try await cluster.history(of: backend) == [.loading, .starting, .ready, .ready, .terminated])
            }
            await people.stop()
        }
    }
}
