import Foundation
import PlaneTestSupport
import Testing

/// The short form of what `scripts/replace-proxy` does a hundred times.
@Suite("Replacing the proxy")
struct ReplacementTests {
    @Test("under load it loses no request, closes no WebSocket, and leaves no process and no descriptor behind")
    func underLoad() async throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let program = try TestProcess(
            "python3",
            [
                "-u", root.appending(path: "scripts/replace-proxy").path, "--replacements", "5", "--rate", "200", "--websockets", "20",
                "--binaries", URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().path,
            ])
        let status = await program.ended()
        #expect(status == 0, "\(program.log.joined(separator: "\n"))")
    }
}
