import DockerEngine
import PlaneTestSupport
import Synchronization
import Testing

@testable import DroneCore

/// How the drone's network is made when others make it, too, with a daemon that does as Docker has been seen to do.
@Suite struct NetworkCreationTests {
    private struct Daemon {
        /// The ids of the networks that there are.
        var networks: [String] = []
        /// How many more lists leave them out.
        var stale = 0
        /// The status with which it refuses to make one.
        var refusal: String?
        /// Made by somebody else at the same time as this drone's.
        var rival: String?
        var created = 0
        var removed: [String] = []

        /// Nil for the body of a request that comes after its head.
        mutating func answer(_ request: String) -> String? {
            guard request.contains(" HTTP/1.1\r\n") else { return nil }
            let words = request.split(separator: " ")
            let (method, path) = (words.first ?? "", words.dropFirst().first ?? "")
            if path.hasSuffix("/_ping") { return "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 2\r\n\r\nOK" }
            if path.hasSuffix("/networks/create") {
                self.created += 1
                if let refusal { return Self.reply(refusal, #"{"message":"there is one"}"#) }
                self.networks += [self.rival, "ours-\(self.created)"].compactMap(\.self)
                return Self.reply("201 Created", #"{"Id":"ours-\#(self.created)"}"#)
            }
            if method == "DELETE", let id = path.split(separator: "/").last.map(String.init) {
                self.removed.append(id)
                self.networks.removeAll { $0 == id }
                return "HTTP/1.1 204 No Content\r\n\r\n"
            }
            let seen = self.stale > 0 ? [] : self.networks
            self.stale = max(self.stale - 1, 0)
            let options = #"{"com.docker.network.bridge.name":"plane","com.docker.network.bridge.enable_icc":"false"}"#
            let list = seen.map { #"{"Id":"\#($0)","Name":"plane","Driver":"bridge","Options":\#(options)}"# }
            return Self.reply("200 OK", "[\(list.joined(separator: ","))]")
        }

        private static func reply(_ status: String, _ body: String) -> String {
            "HTTP/1.1 \(status)\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        }
    }

    private final class State: Sendable {
        let daemon: Mutex<Daemon>
        init(_ daemon: Daemon) { self.daemon = Mutex(daemon) }
    }

    /// - Returns: What became of the daemon.
    @discardableResult
    private static func withDaemon(_ daemon: Daemon, _ body: @Sendable (DockerEngineAdapter) async throws -> Void) async throws -> Daemon {
        let state = State(daemon)
        let server = try await AnsweringServer.start { request in state.daemon.withLock { $0.answer(request) } }
        var template = ContainerTemplate()
        template.isolation = IsolatedNetwork(name: "plane", reachable: [], unreachable: [])
        try await body(
            DockerEngineAdapter(client: DockerClient(endpoint: .http(url: "http://127.0.0.1:\(server.address.port)")), template: template))
        try await server.stop()
        return state.daemon.withLock { $0 }
    }

    @Test("however many starts miss it at once, it is made once, and once again when it is gone")
    func once() async throws {
        let daemon = try await Self.withDaemon(Daemon()) { engine in
            try await withThrowingTaskGroup { group in
                for _ in 0..<32 { group.addTask { try await engine.ensureNetwork() } }
                try await group.waitForAll()
            }
        }
        #expect(daemon.created == 1)
        #expect(daemon.networks == ["ours-1"])
        var emptied = daemon
        emptied.networks = []
        let again = try await Self.withDaemon(emptied) { try await $0.ensureNetwork() }
        #expect(again.networks == ["ours-2"])
    }

    @Test(
        "when another process makes it at the same time and Docker refuses a second one, it is found as soon as Docker lists it",
        arguments: [
            "409 Conflict", "403 Forbidden",
        ])
    func madeByAnother(refusal: String) async throws {
        var daemon = Daemon(networks: ["theirs"])
        daemon.refusal = refusal
        // The first two look for it before it is made.
        daemon.stale = 4
        let after = try await Self.withDaemon(daemon) { try await $0.ensureNetwork() }
        #expect(after.created == 1)
        #expect(after.networks == ["theirs"])
    }

    @Test("a refusal is told where no network appears, and the next start tries anew")
    func refused() async throws {
        var daemon = Daemon()
        daemon.refusal = "403 Forbidden"
        let after = try await Self.withDaemon(daemon) { engine in
            for _ in 0..<2 {
                let error = await #expect(throws: BackendEngineError.self) { try await engine.ensureNetwork() }
                #expect(error?.code == .refused)
                #expect(String(describing: error).contains("make network plane: refused by the Docker daemon: there is one"))
            }
        }
        #expect(after.created == 2)
    }

    @Test("when Docker makes two of one name the second is removed again, since containers could join neither")
    func two() async throws {
        var daemon = Daemon()
        daemon.rival = "theirs"
        let after = try await Self.withDaemon(daemon) { try await $0.ensureNetwork() }
        #expect(after.removed == ["ours-1"])
        #expect(after.networks == ["theirs"])
    }

    @Test("two of one name that are there already are told with their ids, and none is removed")
    func ambiguous() async throws {
        let after = try await Self.withDaemon(Daemon(networks: ["one", "other"])) { engine in
            let error = await #expect(throws: BackendEngineError.self) { try await engine.ensureNetwork() }
            #expect(error?.code == .refused)
            #expect(String(describing: error).contains("there are 2 networks plane, and Docker does not know which of them is meant"))
            #expect(String(describing: error).contains("one, other"))
        }
        #expect(after.created == 0)
        #expect(after.removed.isEmpty)
    }
}
