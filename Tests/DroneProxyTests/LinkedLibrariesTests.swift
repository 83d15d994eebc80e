import PlaneTestSupport
import Testing

@Suite("Linked libraries")
struct LinkedLibrariesTests {
    /// What the dynamic linker loads for a program of ours.
    private static func libraries(of program: String) async throws -> String {
        try await TestProcess.run("/usr/bin/ldd", [TestProcess.path(of: program)]).joined(separator: "\n")
    }

    @Test("the proxy, which needs no NATS, does not load its library; the agent does")
    func proxyWithoutNATS() async throws {
        #expect(try await !Self.libraries(of: "drone-proxy").contains("libnats"))
        #expect(try await Self.libraries(of: "drone-agent").contains("libnats"))
    }
}
