import Foundation
import PlaneTestSupport
import Testing

/// Programs that load the proxy with all they have and count what it loses: one after the other, or they would count each other's load.
@Suite(.serialized) enum ProxyLoadTests {}

extension ProxyLoadTests {
    /// The short form of what `scripts/replace-proxy` does a hundred times.
    @Suite("Replacing the proxy")
    struct ReplacementTests {
        private static func run(_ arguments: [String]) async throws -> (status: Int32, log: String) {
            let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            let binaries = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().path
            let program = try TestProcess(
                "python3", ["-u", root.appending(path: "scripts/replace-proxy").path, "--binaries", binaries] + arguments)
            return (await program.ended(), program.log.joined(separator: "\n"))
        }

        @Test("under load it loses no request, closes no WebSocket, and leaves no process and no descriptor behind")
        func underLoad() async throws {
            let (status, log) = try await Self.run(["--replacements", "5", "--rate", "200", "--websockets", "20"])
            #expect(status == 0, "\(log)")
        }

        @Test("a successor that is asked for its own successor in the moment it takes over is not deaf, and does not end")
        func atOnce() async throws {
            let (status, log) = try await Self.run(["--replacements", "10", "--rate", "100", "--websockets", "5", "--pause", "0"])
            #expect(status == 0, "\(log)")
        }

        @Test("with sockets that somebody else holds, a plain restart refuses nobody, even in the moment of being ready")
        func activated() async throws {
            let (status, log) = try await Self.run(["--restart", "--replacements", "10", "--rate", "100", "--pause", "0"])
            #expect(status == 0, "\(log)")
        }

        @Test("a successor that is asked to end in the moment it takes over first answers those it has taken over")
        func endedAtOnce() async throws {
            let (status, log) = try await Self.run(["--restart", "--replaced", "--replacements", "10", "--rate", "100", "--pause", "0"])
            #expect(status == 0, "\(log)")
        }
    }
}
