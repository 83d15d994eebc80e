import DockerEngine
import DroneStore
import Foundation
import PlaneProtocol
import PlaneService
import PlaneTestSupport
import Testing

@testable import DroneCore

/// Containers that were renamed, and what a real Docker refuses and how.
@Suite(.needsDocker, .serialized) struct NamesAndRefusalsTests {
    private func docker(_ arguments: String...) async throws {
        let socket = try #require(TestImage.socket)
        try await TestProcess.run("/usr/bin/env", ["docker", "-H", "unix://\(socket)"] + arguments)
    }

    /// Removes what a test has left, however it ended.
    private func with(_ engine: DockerEngineAdapter, _ id: BackendID, _ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch {
            try? await engine.remove(ContainerHandle(of: id))
            throw error
        }
        try await engine.remove(ContainerHandle(of: id))
    }

    @Test("a renamed container is found, told of when it ends, stopped and removed: by whoever made it, and by an agent that comes after")
    func renamed() async throws {
        for isMaker in [true, false] {
            let maker = try await DockerEngineAdapter.forTests()
            let id = BackendID.random()
            try await self.with(maker, id) {
                let made = try await maker.create(.onDocker(id, drone: .make()))
                try await maker.start(made)
                try await self.docker("rename", id.resourceName, "renamed-\(id)")
                let engine = isMaker ? maker : try await DockerEngineAdapter.forTests()
                let container = isMaker ? made : ContainerHandle(of: id)
                guard case .running = try await engine.inspect(container) else {
                    Issue.record("it is not found")
                    return
                }
                let told = Recorder<ExitEvent>()
                let before = WireTime.now()
                try await withThrowingDiscardingTaskGroup { group in
                    group.addTask { try? await engine.watchExits(since: before) { told.record($0) } }  // ends by being cancelled
                    try await eventually("it listens") { told.all.contains(.listening) }
                    try await engine.stop(container, grace: .seconds(5))
                    try await eventually("its end is told") { told.all.contains { $0.backend == id } }
                    group.cancelAll()
                }
                guard case .exited = try await engine.inspect(container) else {
                    Issue.record("it runs on")
                    return
                }
                try await engine.remove(container)
                #expect(try await engine.inspect(container) == .absent)
                #expect(try await engine.list().allSatisfy { $0.container.backend != id })
            }
        }
    }

    @Test("an image with labels without end loses its container, and nobody's exits are missed because of it", arguments: [2 << 20, 10 << 20])
    func endlessLabels(bytes: Int) async throws {
        let engine = try await DockerEngineAdapter.forTests()
        let (id, other) = (BackendID.random(), BackendID.random())
        let told = Recorder<ExitEvent>()
        try await self.with(engine, other) {
            let neighbour = try await engine.create(.onDocker(other, drone: .make()))
            try await engine.start(neighbour)
            try await self.with(engine, id) {
                // As an image's labels are among those of its containers.
                let request = SpawnRequest.onDocker(id, drone: .make())
                var spec = try #require(engine.template.specification(for: request))
                for number in 0..<16 { spec.labels["junk-\(number)"] = String(repeating: "x", count: bytes / 16) }
                let name = try #require(ContainerID(rawValue: id.resourceName))
                _ = try await engine.client.createContainer(spec, name: name)
                let container = ContainerHandle(of: id)
                try await engine.start(container)
                #expect(try await engine.inspect(container) == .oversized)
                #expect(try await Set(engine.list().compactMap(\.container.backend)).isSuperset(of: [id, other]))
                let before = WireTime.now()
                try await withThrowingDiscardingTaskGroup { group in
                    group.addTask { try? await engine.watchExits(since: before) { told.record($0) } }  // ends by being cancelled
                    try await eventually("it listens") { told.all.contains(.listening) }
                    try await engine.stop(container, grace: .zero)
                    try await engine.stop(neighbour, grace: .zero)
                    try await eventually("the other one's end is told") { told.all.contains { $0.backend == other } }
                    group.cancelAll()
                }
            }
        }
        #expect(told.all.filter { $0 == .listening }.count == 1)
    }

    @Test("a container that took the name of a renamed one is nobody's, and is not touched")
    func nameTakenOver() async throws {
        let engine = try await DockerEngineAdapter.forTests()
        let id = BackendID.random()
        try await self.with(engine, id) {
            let made = try await engine.create(.onDocker(id, drone: .make()))
            try await self.docker("rename", id.resourceName, "renamed-\(id)")
            try await self.docker("create", "--name", id.resourceName, TestImage.name)
            for container in [made, ContainerHandle(of: id)] {
                try await engine.remove(container)
                #expect(try await engine.inspect(container) == .foreign)
                #expect(try await engine.recover(container) == nil)
                try await engine.stop(container, grace: .zero)
            }
            try await self.docker("rm", "-f", id.resourceName)
            #expect(try await engine.inspect(made) == .absent)
        }
    }

    @Test(
        "users and groups that the image does not have, and a processor time of nothing, are refusals, in Docker's words",
        arguments: [
            "USER nosuch", "USER 0:nosuch", "",
        ])
    func refusals(change: String) async throws {
        let engine = try await DockerEngineAdapter.forTests()
        let id = BackendID.random()
        var request = SpawnRequest.onDocker(id, drone: .make())
        if change.isEmpty {
            request.executable.resourceLimits.cpuTimeLimitSeconds = 0
        } else {
            let image = "plane-test-refused-\(id)"
            try await self.docker("create", "--name", "for-\(id)", TestImage.name)
            try await self.docker("commit", "--change", change, "for-\(id)", image)
            try await self.docker("rm", "for-\(id)")
            request.executable.image = image
        }
        try await self.with(engine, id) {
            let failure = await #expect(throws: BackendEngineError.self) {
                try await engine.start(try await engine.create(request))
            }
            #expect(failure?.code == .refused, "\(String(describing: failure))")
            #expect(change.isEmpty || failure?.message.contains("nosuch") == true, "\(String(describing: failure))")
        }
        if !change.isEmpty { try await self.docker("rmi", request.executable.image) }
    }

    @Test(
        "what a registry answers, and that there is none, are told apart, with its own words",
        arguments: [
            ("429 Too Many Requests", "TOOMANYREQUESTS", RegistryTrouble.rateLimited), ("503 Service Unavailable", "UNAVAILABLE", .failed),
            ("500 Internal Server Error", "UNKNOWN", .failed),
        ])
    func registryTroubles(status: String, code: String, trouble: RegistryTrouble) async throws {
        let engine = try await DockerEngineAdapter.forTests()
        let body = #"{"errors":[{"code":"\#(code)","message":"said the registry"}]}"#
        let registry = try await AnsweringServer.start(
            "HTTP/1.1 \(status)\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)")
        let failure = await #expect(throws: BackendEngineError.self) {
            try await engine.pull("\(registry.address)/team/app:1", credentials: nil) { _ in }
        }
        #expect(failure?.code == .registry(trouble), "\(String(describing: failure))")
        try await registry.stop()
    }

    @Test("a registry that has no name in the DNS is told so")
    func unresolved() async throws {
        let engine = try await DockerEngineAdapter.forTests()
        let failure = await #expect(throws: BackendEngineError.self) {
            try await engine.pull("registry.invalid/team/app:1", credentials: nil) { _ in }
        }
        #expect(failure?.code == .registry(.unresolved), "\(String(describing: failure))")
    }

    @Test("a log that the engine's driver does not give is told once, in the log of the backend and in the agent's")
    func unreadableLog() async throws {
        let engine = try await DockerEngineAdapter.forTests()
        let id = BackendID.random()
        try await self.with(engine, id) {
            // As a daemon does whose default driver is none.
            try await self.docker(
                "create", "--name", id.resourceName, "--log-driver", "none", "--label", "\(BackendID.managedLabel)=true",
                "--label", "\(BackendID.backendLabel)=\(id.resourceName)", "-e", "PORT=8080", "-e", "SAY=unheard", TestImage.name)
            try await engine.start(ContainerHandle(of: id))
            let logs = Recorder<BackendLogMessage>()
            let own = LogRecorder()
            let pump = LogPump(
                of: id, from: engine, after: nil, cursors: LogCursors(), uptime: { .zero }, publish: { logs.record($0) }, logger: own.logger)
            for _ in 0..<3 { await pump.drain(ContainerHandle(of: id)) }
            #expect(logs.all.map(\.kind) == [.meta])
            let note = try #require(logs.all.first?.text)
            #expect(note.hasPrefix("The log cannot be read: "))
            #expect(note.contains("logging driver"), "\(note)")
            #expect(own.entries.map(\.message) == ["the backend's log cannot be read"])
        }
    }
}
