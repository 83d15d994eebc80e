import PlaneTestSupport
import Testing

@Suite("Linked libraries")
struct LinkedLibrariesTests {
    /// What the dynamic linker loads for a program of ours.
    private static func libraries(of program: String) async throws -> String {
        try await TestProcess.run("/usr/bin/ldd", [TestProcess.path(of: program)]).joined(separator: "\n")
    }

    @Test("the proxies that need no NATS do not load its library", arguments: ["drone-proxy", "planb"])
    func withoutNATS(program: String) async throws {
        #expect(try await !Self.libraries(of: program).contains("libnats"))
    }

    @Test("the agent does")
    func agent() async throws {
        #expect(try await Self.libraries(of: "drone-agent").contains("libnats"))
    }
}
