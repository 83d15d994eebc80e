import PlaneTestSupport
import Testing

@Suite("The landing page of dev/docs/proxy.md", .timeLimit(.minutes(10))) struct LandingPageTests {
    @Test("leads whoever comes for a backend that is gone to where they can start again, and says for which")
    func leads() async throws {
        let document = try Repository.text("dev/docs/proxy.md")
        let program = try #require(document.firstMatch(of: #/(?ms)^```python\n(.+?)^```$/#)?.output.1)
        let port = try freeLoopbackPort()
        let server = try TestProcess("/usr/bin/python3", ["-u", "-c", String(program).replacing("9000", with: "\(port)")])
        let visitor = try await LoopbackConnection.whenListening(port: port)
        try await visitor.send("GET /a/b HTTP/1.0\r\nHost: b1.plane.test:8080\r\n\r\n")
        let answer = String(decoding: try await visitor.receiveToEnd(), as: UTF8.self)
        #expect(answer.hasPrefix("HTTP/1.0 303 ") && answer.contains("Location: https://app.example.com/?ended=b1\r\n"), "\(answer)")
        // Programs started by a test inherit its mask of signals, in which others are blocked.
        await server.stop(.kill)
    }
}
