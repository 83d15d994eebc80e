import Foundation
import PlaneTestSupport
import Testing

extension ProxyLoadTests {
    /// The short form of what `scripts/stress-proxy` does at length.
    @Suite("The proxy under stress", .serialized)
    struct StressTests {
        @Test(
            "keeps its memory, its old connections and its other users",
            arguments: ["transfer", "http2", "slow-reader", "silent", "gone", "handshakes", "websockets", "descriptors", "slowloris"])
        func short(name: String) async throws {
            let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            let binaries = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().path
            let program = try TestProcess(
                "python3", ["-u", root.appending(path: "scripts/stress-proxy").path, "--short", "--only", name, "--binaries", binaries])
            let status = await program.ended()
            #expect(status == 0, "\(program.log.joined(separator: "\n"))")
        }
    }
}
