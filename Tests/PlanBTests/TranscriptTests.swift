import Foundation
import PlaneTestSupport
import Testing

@Suite("What planb.md shows at the keyboard")
struct TranscriptTests {
    /// A command with what the document shows that it prints.
    private struct Step {
        var command: String
        var output: [String] = []
    }

    /// The commands of the section that begin programs, and those with a prompt.
    private static func section() throws -> (programs: [String], steps: [Step]) {
        let text = try String(contentsOf: DocumentedCommands.root.appending(path: "dev/docs/planb.md"), encoding: .utf8)
        let section = try #require(text.split(separator: "\n## ").first { $0.hasPrefix("Trying it\n") })
        let lines = section.split(separator: "\n", omittingEmptySubsequences: false)
        var (steps, programs): ([Step], [String]) = ([], [])
        var isConsole = false
        for line in lines {
            if line.hasPrefix("```") {
                isConsole = line == "```console"
            } else if isConsole, line.hasPrefix("$ ") {
                steps.append(Step(command: String(line.dropFirst(2))))
            } else if isConsole, let last = steps.indices.last {
                steps[last].output.append(String(line))
            } else if line.hasPrefix("planb "), line.hasSuffix(" &") {
                programs.append(String(line.dropLast(2)))
            }
        }
        return (programs, steps)
    }

    /// Versions of curl and OpenSSL differ in how they say that a handshake was refused.
    private static func sameWords(_ line: String) -> String {
        line.hasPrefix("curl: (35) ") && line.hasSuffix("alert internal error") ? "curl: (35) … alert internal error" : line
    }

    @Test("every command prints what the document shows, from the first host to the certificates")
    func transcript() async throws {
        let (programs, steps) = try Self.section()
        try #require(programs.count == 2 && steps.count > 10)
        let directory = try TemporaryDirectory()
        let redis = try await RedisTestServer.start()
        let backends = try NumberedBackends(saying: ["one", "two"])
        let (port, tlsPort) = (try freeLoopbackPort(), try freeLoopbackPort())
        func here(_ text: String) -> String {
            text.replacing("127.0.0.1:8989", with: "127.0.0.1:\(port)").replacing(":8443", with: ":\(tlsPort)")
                .replacing("127.0.0.1:8001", with: "127.0.0.1:\(backends.backends[0].port)")
                .replacing("127.0.0.1:8002", with: "127.0.0.1:\(backends.backends[1].port)")
        }
        try await TestProcess.run(
            "/usr/bin/env",
            [
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "1", "-subj", "/CN=www.example.org",
                "-addext",
                "subjectAltName=DNS:www.example.org", "-out", directory.file("www.example.org.crt"), "-keyout", directory.file("www.example.org.key"),
            ])
        var running: [TestProcess] = []
        for program in programs {
            let flags = here(String(program.dropFirst("planb ".count))).split(separator: " ").map(String.init)
            let process = try TestProcess.ours(
                "planb", flags + ["--access-log", "none", "--read-redis-port", "\(redis.port)", "--write-redis-port", "\(redis.port)"])
            try await process.line(containing: "planb is ready")
            if flags.contains("--tls-listen") { try await process.line(containing: "Listening tls on :\(tlsPort)...") }
            running.append(process)
        }
        let redisHere = "redis-cli() { command redis-cli -p \(redis.port) \"$@\"; }; cd '\(directory.path)'"
        for step in steps {
            let expected = step.output.map { Self.sameWords($0) }
            var printed: [String] = []
            func type() async throws {
                printed = try await TestProcess.run("/bin/bash", ["-c", "\(redisHere); \(here(step.command)) || true; echo"])
                while printed.last == "" { printed.removeLast() }
                printed = printed.map { Self.sameWords($0) }
            }
            try await type()
            // A mark does not delay the answer, and may come after it.
            if step.command.hasPrefix("redis-cli smembers ") {
                try await eventually("the mark is there") {
                    try await type()
                    return printed == expected
                }
            }
            #expect(printed == expected, "\(step.command)")
        }
        for process in running { #expect(await process.stop() == 0) }
    }
}
