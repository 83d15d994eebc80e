import Foundation
import PlaneProtocol
import PlaneTestSupport
import Testing

/// What the documents tell an operator to type, typed into a running cluster, in their order.
@Suite(.serialized, .enabled(if: LocalCluster.dockerSocket != nil, "PLANE_TEST_DOCKER_SOCKET names no Docker"))
struct DocumentedCommandTests {
    @Test("every call of plane in README.md, dev/README.md and operating.md does what it says", .timeLimit(.minutes(10)))
    func calls() async throws {
        try await withCluster { cluster in
            var operatorSession = OperatorSession(cluster: cluster)
            for document in ["README.md", "dev/docs/operating.md", "dev/README.md"] {
                for command in try DocumentedCommands.commands(in: document) where command.hasPrefix("plane ") {
                    try await operatorSession.run(command)
                }
            }
            #expect(operatorSession.seen.count >= 12)
            #expect(operatorSession.seen["list-drones"]?.contains(cluster.drone.rawValue) == true)
            #expect(operatorSession.seen["connections"]?.contains(operatorSession.connected ?? "none") == true)
            let story = operatorSession.seen["why"] ?? ""
            #expect(story.contains("Its program runs, and has answered its drone.") && story.contains("asked for by"), "\(story)")
        }
    }

    @Test("every call of plane in the tutorial does what it says", .timeLimit(.minutes(10)))
    func tutorial() async throws {
        try await withCluster { cluster in
            var operatorSession = OperatorSession(cluster: cluster)
            for command in try DocumentedCommands.commands(in: "dev/docs/tutorial.md") where command.hasPrefix("plane ") {
                try await operatorSession.run(command)
            }
            #expect(operatorSession.seen["list-backends"]?.contains(operatorSession.backend ?? "none") == true)
            #expect(operatorSession.seen["connections"]?.contains(operatorSession.connected ?? "none") == true)
        }
    }

    @Test("every call of plane in your-app.md does what it says, on a drone that keeps directories", .timeLimit(.minutes(4)))
    func developer() async throws {
        let kept = try TemporaryDirectory()
        try await withCluster { cluster in
            await cluster.stop(.agent, .terminate)
            try await cluster.launch(.agent, environment: ["PLANE_AGENT__MOUNT_BASE": kept.path]).line(containing: "drone-agent is ready")
            var operatorSession = OperatorSession(cluster: cluster)
            for command in try DocumentedCommands.commands(in: "dev/docs/your-app.md") where command.hasPrefix("plane ") {
                try await operatorSession.run(command)
            }
            #expect(operatorSession.seen["spawn"]?.contains("Ready") == true, "\(operatorSession.seen)")
            let directories = try FileManager.default.subpathsOfDirectory(atPath: kept.path)
            #expect(directories.contains { $0.hasSuffix("my-document") }, "\(directories)")
        }
    }

    @Test("the request by curl leads a visitor to the page of the demo", .timeLimit(.minutes(4)), arguments: ["README.md", "dev/docs/gateway.md"])
    func requestByCurl(document: String) async throws {
        try await withCluster { cluster in
            let port = try freeLoopbackPort()
            let gateway = try TestProcess.ours(
                "gateway",
                environment: [
                    "PLANE_NATS__HOSTS": cluster.server.url, "PLANE_GATEWAY__HTTP_PORT": "\(port)", "PLANE_GATEWAY__DEFAULT_CLUSTER": cluster.cluster.rawValue,
                ])
            try await gateway.line(containing: "gateway is ready")
            let lines = try String(contentsOf: DocumentedCommands.root.appending(path: document), encoding: .utf8).split(separator: "\n")
            let first = try #require(lines.firstIndex { $0.hasPrefix("    curl -s http://127.0.0.1:8081/ctrl/connect") })
            let request = lines[first...].prefix { $0.hasPrefix("    ") }.joined(separator: "\n")
                .replacing("127.0.0.1:8081", with: "127.0.0.1:\(port)").replacing("\"plane-demo\"", with: "\"\(DemoImage.name)\"")
            let answer = try await TestProcess.run("/bin/bash", ["-c", "\(request)\necho"]).joined()
            let address = try #require(answer.firstMatch(of: #/"backend_url":"([^"]+)"/#), "\(answer)").output.1
            let page = try await TestProcess.run("/bin/bash", ["-c", "curl -fsSL --cookie '' '\(address)'; echo"]).joined()
            #expect(page.contains("<h1>This container is yours alone.</h1>"), "\(page.prefix(400))")

            let backend = try #require(answer.firstMatch(of: #/"backend_id":"([^"]+)"/#).flatMap { BackendID(rawValue: String($0.output.1)) })
            try await cluster.terminate(backend)
            try await cluster.reached(.terminated, by: backend)
            await gateway.stop()
        }
    }

    @Test("the request by hand, which needs nothing but a shell, starts a backend")
    func requestByHand() async throws {
        try await withCluster { cluster in
            let lines = try String(contentsOf: DocumentedCommands.root.appending(path: "README.md"), encoding: .utf8).split(separator: "\n")
            let first = try #require(lines.firstIndex { $0.hasPrefix("    request='") })
            let script = lines[first...].prefix { $0.hasPrefix("    ") }.joined(separator: "\n")
                .replacing("plane.localhost", with: cluster.cluster.rawValue)
                .replacing("plane_localhost", with: cluster.cluster.rawValue.replacing(".", with: "_"))
                .replacing("127.0.0.1/4222", with: "127.0.0.1/\(cluster.server.port)")
                .replacing("\"plane-demo\"", with: "\"\(DemoImage.name)\"")
            let shell = try TestProcess("/bin/bash", ["-c", script])
            #expect(await shell.ended(within: .seconds(120)) == 0, "\(shell.log)")
            let answer = try #require(shell.log.last)
            guard case .scheduled(let scheduled) = try WireCodec.decodeReply(to: ScheduleRequest.self, from: Array(answer.utf8)) else {
                Issue.record("answered \(answer)")
                return
            }
            #expect(try await cluster.get(of: scheduled.backendID).status == 200)
            try await cluster.terminate(scheduled.backendID)
            try await cluster.reached(.terminated, by: scheduled.backendID)
        }
    }
}

/// Somebody who reads a document and types.
private struct OperatorSession {
    let cluster: LocalCluster
    /// The one that was spawned last.
    private(set) var backend: String?
    /// The one that had a WebSocket when connections were asked for first; a restart gives it another id.
    private(set) var connected: String?
    private var webSocket: WebSocketProbe?
    /// What each command printed, by its name; of one typed twice the first time.
    private(set) var seen: [String: String] = [:]

    init(cluster: LocalCluster) {
        self.cluster = cluster
    }

    mutating func run(_ command: String) async throws {
        let words = command.split(separator: " ").map { self.word(String($0)) }
        if words[1] == "connections" {
            try await self.awaitToldConnection()
            if self.connected == nil { self.connected = self.backend }
        }
        let process = try TestProcess.ours(
            "plane", Array(words.dropFirst()), environment: ["PLANE_NATS_URL": self.cluster.server.url])
        if let line = self.lineOfFollowing(words) {
            try await process.line(containing: line)
            #expect(await process.stop(.interrupt) == 130, "\(command): \(process.log)")
        } else {
            #expect(await process.ended(within: .seconds(120)) == 0, "\(command): \(process.log)")
        }
        let output = process.log.joined(separator: "\n")
        if self.seen[words[1]] == nil { self.seen[words[1]] = output }
        switch words[1] {
        case "spawn", "restart": try await self.use(output)
        // What comes next is not about a drone that takes nothing.
        case "drain" where !words.contains("--cancel"): try await self.run("plane drain --cancel plane.localhost DRONE")
        default: break
        }
    }

    /// Opens what `plane connections` is to find.
    private mutating func use(_ spawned: String) async throws {
        // `restart` tells of the former one, too, and of its drone.
        let ids = spawned.matches(of: #/[0-9a-f-]{36}/#).map { String($0.output) }
        let id = try #require(ids.first { $0 != self.backend && $0 != self.cluster.drone.rawValue }, "\(spawned)")
        self.backend = id
        self.webSocket = try await self.cluster.openWebSocket(to: try #require(BackendID(rawValue: id)))
    }

    /// What a drone tells of its connections may be a second old.
    private func awaitToldConnection() async throws {
        guard let backend = self.backend else { return }
        try await eventually("the drone tells of the open WebSocket") {
            let listing = try TestProcess.ours("plane", ["connections"], environment: ["PLANE_NATS_URL": self.cluster.server.url])
            return await listing.ended(within: .seconds(120)) == 0 && listing.log.joined().contains(backend)
        }
    }

    /// What a command prints that goes on until it is interrupted; nil of one that ends.
    private func lineOfFollowing(_ words: [String]) -> String? {
        switch words[1] {
        case "stream-state": self.cluster.drone.rawValue
        case "logs": "listening on port"
        case "top", "stats": self.backend
        default: words.contains("-f") || words.contains("--watch") ? self.backend : nil
        }
    }

    private func word(_ word: String) -> String {
        switch word {
        case "plane.localhost": self.cluster.cluster.rawValue
        case "plane-demo": DemoImage.name
        case "DRONE", "drone-1": self.cluster.drone.rawValue
        case "BACKEND", "[BACKEND]": self.backend ?? word
        default: word
        }
    }
}
