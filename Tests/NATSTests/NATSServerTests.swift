import PlaneTestSupport
import Testing

@Suite("The nats-server of a test")
struct NATSServerTests {
    @Test("keeps its port over a restart, and two servers have different ones")
    func restart() async throws {
        try await withNATSServer { first in
            try await withNATSServer(jetStream: false) { second in
                #expect(first.port != second.port)
                let port = first.port
                try await first.restart(.kill)
                #expect(first.port == port)
                await second.stop()
                await second.stop()
            }
        }
    }

    @Test("says what is wrong with its configuration")
    func brokenConfiguration() async throws {
        let error = await #expect(throws: (any Error).self) {
            _ = try await NATSServer.start(configuration: "authorization { nonsense")
        }
        #expect(String(describing: error).contains("Parse error"))
    }
}
