import PlaneProtocol
import PlaneTestSupport
import Testing

/// From a container's output through Docker, the agent, NATS and its stream to an operator's terminal.
@Suite(.enabled(if: LocalCluster.dockerSocket != nil, "PLANE_TEST_DOCKER_SOCKET names no Docker"))
struct LogBytesTests {
    @Test("a line that is longer than Docker's and our own pieces comes out of plane logs as it was written, not a byte more", .timeLimit(.minutes(5)))
    func longLine() async throws {
        try await TestImage.build(on: try #require(LocalCluster.dockerSocket))
        try await withCluster { cluster in
            // Longer than one message, with characters that our cuts may fall into. Docker's own, after each 16 KiB, do not: its driver json-file replaces a
            // character that it cuts. Linux lets no single variable be longer than 128 KiB.
            let line = #"{"message":""# + String(repeating: "😀01234567😁89ab", count: 5500) + #""}"#
            #expect(line.utf8.count > 100_000)
            let backend = try await cluster.schedule(image: TestImage.name, env: ["SAY_LAST": Secret(line + "\n"), "EXIT_AT_ONCE": "0"]).backendID
            // Its port is never answered.
            try await cluster.reached(.errorStarting, by: backend)
            var output: [String] = []
            try await eventually("the end of the log is there") {
                let logs = try TestProcess.ours("plane", ["logs", "\(backend)", "--nats", cluster.server.url])
                await logs.ended()
                output = logs.log
                return output.contains { $0.contains(#"89ab"}"#) }
            }
            #expect(output.filter { $0.contains("01234567") } == [line], "\(output.map(\.utf8.count))")
        }
    }
}
