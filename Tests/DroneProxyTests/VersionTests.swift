import Foundation
import PlaneService
import PlaneTestSupport
import Testing

@Suite("Versions")
struct VersionTests {
    /// All programs but the operator's command.
    static let services = ["scheduler", "dns", "gateway", "drone-agent", "drone-proxy", "gateway-proxy", "cert-refresher", "planb"]

    @Test("every service tells its version", arguments: services)
    func version(service: String) async throws {
        let program = try TestProcess.ours(service, ["--version"])
        #expect(await program.ended() == 0)
        // PlanB's own clients expect its name before the number.
        #expect(program.log == [service == "planb" ? "planb version \(BuildInformation.version)" : BuildInformation.version])
    }

    @Test("these are all there are")
    func all() throws {
        // Folders of programs begin with a small letter, those of libraries do not.
        let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let folders = try FileManager.default.contentsOfDirectory(atPath: package.appending(path: "Sources").path)
        #expect(Set(folders.filter { $0.first?.isLowercase == true }).subtracting(["plane"]) == Set(Self.services))
    }
}
