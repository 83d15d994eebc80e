import DockerEngine
import DroneCore
import DroneStore
import Foundation
import NATS
import PlaneProtocol
import PlaneTestSupport
import Testing

/// The end of a backend is told when its process is gone, and its lock is held until then, wherever the agent is killed in between.
@Suite(.serialized, .enabled(if: LocalCluster.dockerSocket != nil, "PLANE_TEST_DOCKER_SOCKET names no Docker"))
struct EndingTests {
    /// Every point that an end passes; `recorded` is passed by Starting and Ready before, `recording` too.
    private static let points: [(point: FaultPoint, count: Int)] = [
        (.ending, 1), (.endingStored, 1), (.stopping, 1), (.stopped, 1), (.recording, 3), (.recorded, 3), (.removing, 1), (.removed, 1),
    ]

    @Test("an agent killed at any step of an end leaves one end, told after the process was gone, and nothing behind", arguments: points)
    func killed(point: FaultPoint, count: Int) async throws {
        try await withCluster { cluster in
            let engine = DockerEngineAdapter(
                client: DockerClient(endpoint: .unixSocket(path: cluster.dockerSocket)), template: ContainerTemplate())
            await cluster.stop(.agent, .terminate)
            let doomed = try cluster.launch(.agent, environment: ["PLANE_TEST_FAULT": "\(point.rawValue):\(count)"])
            try await doomed.line(containing: "drone-agent is ready")
            let lock = try #require(LockName(rawValue: "document-7"))
            let backend = try await cluster.schedule(image: DemoImage.name, lock: lock).backendID
            try await cluster.reached(.ready, by: backend)

            // An agent that dies before it has stored anything does not answer.
            let request = TerminationRequest(cluster: cluster.cluster, backendID: backend)
            async let answer = cluster.bus.request(WireCodec.encode(request), to: request.subject, timeout: .seconds(2))
            await doomed.ended()
            _ = try? await answer
            let isRunning = if case .running = try await engine.inspect(ContainerHandle(of: backend)) { true } else { false }
            let isTold = try await cluster.newestState(of: backend).isTerminal
            #expect(!(isRunning && isTold), "the end was told while the process ran")
            if isRunning {
                let holder = try await cluster.schedule(image: DemoImage.name, lock: lock)
                #expect(holder.backendID == backend, "somebody else got the lock")
            }

            try await cluster.start(.agent)
            if point == .ending { try await cluster.terminate(backend) }  // nothing was stored, so it is asked again
            try await cluster.reached(.terminated, by: backend)
            #expect(try await engine.inspect(ContainerHandle(of: backend)).hasNoProcess)
            #expect(try await cluster.history(of: backend).filter(\.isTerminal) == [.terminated])
            try await eventually("its container is removed", within: .seconds(60)) { try await engine.inspect(ContainerHandle(of: backend)) == .absent }
        }
    }

    @Test(
        "so it is for a backend that nobody uses any more",
        arguments: [(.endingStored, 1), (.stopping, 1), (.stopped, 1), (.recording, 3), (.removed, 1)] as [(point: FaultPoint, count: Int)])
    func killedWhileSweeping(point: FaultPoint, count: Int) async throws {
        try await withCluster { cluster in
            let engine = DockerEngineAdapter(
                client: DockerClient(endpoint: .unixSocket(path: cluster.dockerSocket)), template: ContainerTemplate())
            await cluster.stop(.agent, .terminate)
            let doomed = try cluster.launch(.agent, environment: ["PLANE_TEST_FAULT": "\(point.rawValue):\(count)"])
            try await doomed.line(containing: "drone-agent is ready")
            let backend = try await cluster.schedule(image: DemoImage.name, maxIdle: 1).backendID
            await doomed.ended()
            let isRunning = if case .running = try await engine.inspect(ContainerHandle(of: backend)) { true } else { false }
            let isTold = try await cluster.newestState(of: backend).isTerminal
            #expect(!(isRunning && isTold), "the end was told while the process ran")
            try await cluster.start(.agent)
            try await cluster.reached(.swept, by: backend)
            #expect(try await engine.inspect(ContainerHandle(of: backend)).hasNoProcess)
            #expect(try await cluster.history(of: backend).filter(\.isTerminal) == [.swept])
            try await eventually("its container is removed", within: .seconds(60)) { try await engine.inspect(ContainerHandle(of: backend)) == .absent }
        }
    }

    @Test(
        "so it is for a backend that does not become ready in time",
        arguments: [(.endingStored, 1), (.stopping, 1), (.stopped, 1), (.recording, 2), (.removed, 1)] as [(point: FaultPoint, count: Int)])
    func killedWhileGivingUp(point: FaultPoint, count: Int) async throws {
        try await TestImage.build(on: try #require(LocalCluster.dockerSocket))
        try await withCluster { cluster in
            let engine = DockerEngineAdapter(
                client: DockerClient(endpoint: .unixSocket(path: cluster.dockerSocket)), template: ContainerTemplate())
            await cluster.stop(.agent, .terminate)
            let doomed = try cluster.launch(.agent, environment: ["PLANE_TEST_FAULT": "\(point.rawValue):\(count)"])
            try await doomed.line(containing: "drone-agent is ready")
            let terms = BackendTerms(readiness: ReadinessTerms(timeout: 2))
            let reply = try await cluster.request(
                ScheduleRequest(
                    cluster: cluster.cluster, maxIdle: 300, executable: DockerExecutableConfig(image: TestImage.name, env: ["SILENT": "1"], pullPolicy: .never),
                    terms: terms))
            guard case .scheduled(let scheduled) = reply else { throw UnexpectedReply(reply: "\(reply)") }
            let backend = scheduled.backendID
            await doomed.ended()
            let isRunning = if case .running = try await engine.inspect(ContainerHandle(of: backend)) { true } else { false }
            let isTold = try await cluster.newestState(of: backend).isTerminal
            #expect(!(isRunning && isTold), "the end was told while the process ran")
            try await cluster.start(.agent)
            try await cluster.reached(.timedOutBeforeReady, by: backend)
            #expect(try await engine.inspect(ContainerHandle(of: backend)).hasNoProcess)
            #expect(try await cluster.history(of: backend).filter(\.isTerminal) == [.timedOutBeforeReady])
            try await eventually("its container is removed", within: .seconds(60)) { try await engine.inspect(ContainerHandle(of: backend)) == .absent }
        }
    }

    @Test("an agent that starts while NATS is away finishes the ends that were begun, and is heard once NATS is back")
    func withoutNATS() async throws {
        try await withCluster { cluster in
            let engine = DockerEngineAdapter(
                client: DockerClient(endpoint: .unixSocket(path: cluster.dockerSocket)), template: ContainerTemplate())
            await cluster.stop(.agent, .terminate)
            // Ends between telling that the backend is Terminated and removing its container.
            let doomed = try cluster.launch(.agent, environment: ["PLANE_TEST_FAULT": "\(FaultPoint.removing.rawValue):1"])
            try await doomed.line(containing: "drone-agent is ready")
            let backend = try await cluster.schedule(image: DemoImage.name).backendID
            try await cluster.reached(.ready, by: backend)
            try await cluster.terminate(backend)
            await doomed.ended()
            await cluster.server.stop(.kill)
            let container = ContainerHandle(of: backend)
            #expect(try await engine.inspect(container) != .absent)

            let agent = try cluster.launch(.agent)
            try await eventually("its container is removed", within: .seconds(30)) { try await engine.inspect(container) == .absent }
            try await cluster.server.startAgain()
            try await agent.line(containing: "drone-agent is ready")
            try await cluster.reached(.terminated, by: backend)
        }
    }

    @Test("while a backend uses its grace nothing new gets in, it is told that it is ending, and it is Terminated when it has stopped")
    func grace() async throws {
        try await TestImage.build(on: try #require(LocalCluster.dockerSocket))
        try await withCluster { cluster in
            let engine = DockerEngineAdapter(
                client: DockerClient(endpoint: .unixSocket(path: cluster.dockerSocket)), template: ContainerTemplate())
            let lock = try #require(LockName(rawValue: "document-7"))
            let backend = try await cluster.schedule(image: TestImage.name, env: ["IGNORE_TERM": "1"], lock: lock).backendID
            try await cluster.reached(.ready, by: backend)
            #expect(try await cluster.get(of: backend).status == 200)
            try await cluster.terminate(backend)
            // The proxy may know a moment later; every request asks again.
            while try await cluster.get(of: backend).status != 404 {}
            let ending = try await cluster.ending(of: backend)
            #expect(ending.reason == .external && ending.kind == .soft)
            let holder = try await cluster.schedule(image: DemoImage.name, lock: lock)
            if holder.spawned {
                #expect(try await engine.inspect(ContainerHandle(of: backend)).hasNoProcess, "two held the lock")
            } else {
                #expect(holder.backendID == backend)
                #expect(holder.isEnding)
            }
            try await cluster.reached(.terminated, by: backend)
            #expect(try await engine.inspect(ContainerHandle(of: backend)).hasNoProcess)
            let next = try await cluster.schedule(image: DemoImage.name, lock: lock)
            #expect(next.backendID != backend)
            try await cluster.terminate(next.backendID)
            try await cluster.reached(.terminated, by: next.backendID)
        }
    }
}

extension ContainerObservation {
    fileprivate var hasNoProcess: Bool {
        switch self {
        case .absent, .created, .exited: true
        case .running, .networkLost, .foreign, .oversized: false
        }
    }
}

extension LocalCluster {
    fileprivate func newestState(of backend: BackendID) async throws -> BackendState {
        let subject = BackendStateMessage.subject(backend: backend)
        let message = try #require(try await self.bus.jetStream.lastMessage(stream: "backend_status", subject: subject))
        return try WireCodec.decode(BackendStateMessage.self, from: message.payload).state
    }

    /// What is told when its end begins.
    fileprivate func ending(of backend: BackendID) async throws -> BackendEnding {
        for try await report in try await self.states(of: backend) {
            if let ending = report.detail?.ending { return ending }
        }
        throw UnexpectedReply(reply: "\(backend) ended without saying that it was ending")
    }
}
