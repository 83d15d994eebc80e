import Foundation
import PlaneProtocol
import PlaneTestSupport
import Testing

/// The agent is replaced in the middle of the day.
@Suite(.serialized, .enabled(if: LocalCluster.dockerSocket != nil, "PLANE_TEST_DOCKER_SOCKET names no Docker"))
struct UpgradeInPlaceTests {
    /// `PLANE_TEST_UPGRADE_BACKENDS=50` is the long form.
    private static let count = ProcessInfo.processInfo.environment["PLANE_TEST_UPGRADE_BACKENDS"].flatMap { Int($0) } ?? 10

    @Test(
        "stop, start: no Ready backend and no open WebSocket is lost, and the new agent has them all in hand", arguments: [TestProcess.Signal.terminate, .kill])
    func replaceAgent(signal: TestProcess.Signal) async throws {
        try await withCluster { cluster in
            let backends = try await withThrowingTaskGroup(of: BackendID.self) { group in
                for _ in 0..<Self.count { group.addTask { try await cluster.schedule(image: DemoImage.name).backendID } }
                return try await group.reduce(into: [BackendID]()) { $0.append($1) }
            }
            var sockets: [BackendID: WebSocketProbe] = [:]
            for backend in backends {
                try await cluster.reached(.ready, by: backend)
                sockets[backend] = try await cluster.openWebSocket(to: backend)
            }

            await cluster.stop(.agent, signal)
            for (backend, socket) in sockets { #expect(try await socket.echo("\(backend)") == "\(backend)") }
            for backend in backends { #expect(try await cluster.get(of: backend).status == 200) }
            try await cluster.start(.agent)

            for (backend, socket) in sockets { #expect(try await socket.echo("after") == "after", "\(backend)") }
            for backend in backends { #expect(try await cluster.get(of: backend).status == 200) }
            print(
                "upgrade in place (\(signal)): \(backends.count) backends Ready before, \(backends.count) after; \(sockets.count) WebSockets open before, \(sockets.count) after"
            )

            try await withThrowingTaskGroup(of: Void.self) { group in
                for backend in backends {
                    group.addTask {
                        try await cluster.terminate(backend)
                        let history = try await cluster.history(of: backend)
                        #expect(history == [.loading, .starting, .ready, .ready, .terminated], "\(backend): \(history)")
                    }
                }
                try await group.waitForAll()
            }
        }
    }
}
