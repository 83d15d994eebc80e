import PlaneService
import PlaneTestSupport
import Testing

@Suite("Versions")
struct VersionTests {
    @Test("every service tells its version", arguments: ["scheduler", "dns", "drone-agent", "drone-proxy", "cert-refresher"])
    func version(service: String) async throws {
        let program = try TestProcess.ours(service, ["--version"])
        #expect(await program.ended() == 0)
        #expect(program.log == [BuildInformation.version])
    }
}
