import Foundation
import Glibc
import PlaneTestSupport
import Testing

extension ProxyLoadTests {
    /// The short form of what `scripts/stress-proxy` does at length.
    @Suite("The proxy under stress", .serialized)
    struct StressTests {
        @Test(
            "keeps its memory, its old connections and its other users",
            arguments: ["transfer", "http2", "slow-reader", "silent", "handshakes", "websockets", "descriptors", "slowloris"])
        func short(name: String) async throws { try await Self.run(name) }

        @Test("lets go of visitors and backends whose network is cut", .enabled(if: getuid() == 0, "only root may cut a network"))
        func gone() async throws { try await Self.run("gone") }

        private static func run(_ name: String) async throws {
            let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            let binaries = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().path
            let program = try TestProcess(
                "python3", ["-u", root.appending(path: "scripts/stress-proxy").path, "--short", "--only", name, "--binaries", binaries])
            let status = await program.ended()
            #expect(status == 0, "\(program.log.joined(separator: "\n"))")
        }
    }
}
