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

    @Test("the request by hand, which needs nothing but a shell, starts a backend")
    func requestByHand() async throws {
        try await withCluster { cluster in
            let lines = try String(contentsOf: DocumentedCommands.root.appending(path: "README.md"), encoding: .utf8).split(separator: "\n")
            let first = try #require(lines.firstIndex { $0.hasPrefix("    request='") })
            let script = lines[first...].prefix { $0.hasPrefix("    ") }.joined(separator: "\n")
                .replacing("plane.localhost", with: cluster.cluster.rawValue)
                .replacing("plane_localhost", with: cluster.cluster.rawValue.replacing(".", with: "_"))
                .replacing("127.0.0.1/4222", with: "127.0.0.1/\(cluster.server.port)")
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
        let id = try #require(spawned.firstMatch(of: #/[0-9a-f-]{36}/#)).output
        self.backend = String(id)
        self.webSocket = try await self.cluster.openWebSocket(to: try #require(BackendID(rawValue: String(id))))
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
