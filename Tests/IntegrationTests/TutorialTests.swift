import Foundation
import PlaneProtocol
import PlaneTestSupport
import Testing

/// `dev/docs/tutorial.md` and the application in the README, done by somebody who copies what stands there. What it tells of `plane` is typed by DocumentedCommandTests.
@Suite(.serialized, .enabled(if: LocalCluster.dockerSocket != nil, "PLANE_TEST_DOCKER_SOCKET names no Docker"))
struct TutorialTests {
    private static func text() throws -> String {
        try String(contentsOf: DocumentedCommands.root.appending(path: "dev/docs/tutorial.md"), encoding: .utf8)
    }

    @Test("the application of the tutorial gives each visitor a container, the same one again, in which nobody else gets", .timeLimit(.minutes(10)))
    func application() async throws {
        let tutorial = try Self.text()
        let program = try #require(tutorial.firstMatch(of: #/(?ms)^```python\n(.+?)^```$/#)?.output.1)
        let curls = tutorial.split(separator: "\n").filter { $0.hasPrefix("    curl ") }
        #expect(curls.count == 2)
        try await withCluster { cluster in
            let directory = try TemporaryDirectory()
            let port = try freeLoopbackPort()
            // This cluster's names and ports in place of those of scripts/up.
            let application = String(program).replacing("4222", with: "\(cluster.server.port)")
                .replacing("plane.localhost", with: cluster.cluster.rawValue)
                .replacing("PORT = 8000", with: "PORT = \(port)").replacing("\"plane-demo\"", with: "\"\(DemoImage.name)\"")
            try application.write(toFile: directory.file("app.py"), atomically: true, encoding: .utf8)
            let app = try TestProcess("/usr/bin/python3", ["-u", directory.file("app.py")])
            try await app.line(containing: "http://localhost:\(port)/")

            let first = try await Self.open(curls[0], port: port, in: directory)
            #expect(first.status == "200", "\(app.log)")
            let second = try await Self.open(curls[1], port: port, in: directory)
            #expect(second.status == "200" && second.host != first.host)
            #expect(try await Self.open(curls[0], port: port, in: directory).host == first.host)

            for host in [first.host, second.host] {
                #expect(try await cluster.get(host: host).status == 401, "a stranger gets into \(host)")
                let backend = try #require(BackendID(rawValue: String(host.prefix { $0 != "." })))
                #expect(try await cluster.reached(.ready, by: backend).detail?.cause == nil)
                try await cluster.terminate(backend)
                try await cluster.reached(.terminated, by: backend)
            }
            // What has ended is followed by a new one.
            let third = try await Self.open(curls[0], port: port, in: directory)
            #expect(third.status == "200" && third.host != first.host)
            let last = try #require(BackendID(rawValue: String(third.host.prefix { $0 != "." })))
            try await cluster.terminate(last)
            try await cluster.reached(.terminated, by: last)

            // With nobody to ask, the visitor is told.
            await cluster.server.stop(.kill)
            let page = try await LoopbackConnection(port: port)
            try await page.send("POST / HTTP/1.0\r\nContent-Length: 0\r\n\r\n")
            #expect(try HTTPAnswer(await page.receiveToEnd()).status == 503)
            // Programs started by a test inherit its mask of signals, in which others are blocked.
            await app.stop(.kill)
        }
    }

    @Test("the 20 lines of JavaScript do the same", .timeLimit(.minutes(10)))
    func javaScript() async throws {
        let document = try String(contentsOf: DocumentedCommands.root.appending(path: "dev/docs/your-app.md"), encoding: .utf8)
        let program = try #require(document.firstMatch(of: #/(?ms)^```javascript\n(.+?)^```$/#)?.output.1)
        #expect(program.split(separator: "\n").count <= 20)
        try await Self.givesEachDocumentAContainer(String(program), "/usr/bin/node", ["app.js"])
    }

    @Test("the 20 lines in the README give each document a container, the same one to everybody who opens it", .timeLimit(.minutes(10)))
    func readme() async throws {
        let readme = try String(contentsOf: DocumentedCommands.root.appending(path: "README.md"), encoding: .utf8)
        let program = try #require(readme.firstMatch(of: #/(?ms)^```python\n(.+?)^```$/#)?.output.1)
        #expect(program.split(separator: "\n").count <= 20)
        try await Self.givesEachDocumentAContainer(String(program), "/usr/bin/python3", ["-u", "app.py"])
    }

    /// - Parameter arguments: Of the interpreter; the last one is the file's name.
    private static func givesEachDocumentAContainer(_ program: String, _ interpreter: String, _ arguments: [String]) async throws {
        try await withCluster { cluster in
            let directory = try TemporaryDirectory()
            let port = try freeLoopbackPort()
            let application = program.replacing("4222", with: "\(cluster.server.port)").replacing("plane.localhost", with: cluster.cluster.rawValue)
                .replacing("plane_localhost", with: cluster.cluster.rawValue.replacing(".", with: "_"))
                .replacing("8000", with: "\(port)").replacing("\"plane-demo\"", with: "\"\(DemoImage.name)\"")
            try application.write(toFile: directory.file(arguments.last ?? "app"), atomically: true, encoding: .utf8)
            let app = try TestProcess(interpreter, arguments.dropLast() + [directory.file(arguments.last ?? "app")])
            try await eventually("the application takes connections") { (try? await LoopbackConnection(port: port)) != nil }

            let curl = "    curl --silent --location --output /dev/null --write-out '%{http_code} %{url_effective}\\n' http://localhost:8000"
            let first = try await Self.open("\(curl)/one", port: port, in: directory)
            #expect(first.status == "200", "\(app.log)")
            #expect(try await Self.open("\(curl)/one", port: port, in: directory).host == first.host)
            let other = try await Self.open("\(curl)/two", port: port, in: directory)
            #expect(other.status == "200" && other.host != first.host)
            for host in [first.host, other.host] {
                let backend = try #require(BackendID(rawValue: String(host.prefix { $0 != "." })))
                try await cluster.terminate(backend)
                try await cluster.reached(.terminated, by: backend)
            }
            await app.stop(.kill)
        }
    }

    /// Types what the tutorial shows; says where the visitor arrives.
    private static func open(_ curl: Substring, port: UInt16, in directory: TemporaryDirectory) async throws -> (status: Substring, host: String) {
        let command = curl.trimmingPrefix("    ").replacing("localhost:8000", with: "localhost:\(port)")
        let shell = try TestProcess("/bin/bash", ["-c", "cd \(directory.path) && \(command)"])
        #expect(await shell.ended(within: .seconds(120)) == 0, "\(shell.log)")
        let words = try #require(shell.log.last).split(separator: " ")
        let url = try #require(words.last.flatMap { URL(string: String($0)) })
        return (words[0], "\(url.host() ?? ""):\(url.port ?? 0)")
    }
}
