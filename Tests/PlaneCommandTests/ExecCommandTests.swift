import ArgumentParser
import Foundation
import PlaneClient
import PlaneClientTestSupport
import PlaneProtocol
import PlaneTestSupport
import Synchronization
import Testing

@testable import plane

@Suite("The commands that go into containers, over a real NATS", .timeLimit(.minutes(10)))
struct ExecCommandTests {
    @Test("exec brings standard input, prints what the program writes, and ends with its exit code")
    func exec() async throws {
        try await withFakeScheduler { scheduler, server in
            try await scheduler.write(drone: "drone-a", backends: ["b1": .ready])
            try await scheduler.serveExec(exitCode: 7)
            let result = try await runPlane(["exec", "b1", "--", "cat"], server: server, input: ["hello ", "you"])
            #expect(result.status == 7)
            #expect(result.recorder.out == "hello you")
        }
    }

    @Test("shell runs the shell that it is told, as the user that it is told, and ends with its status")
    func shell() async throws {
        try await withFakeScheduler { scheduler, server in
            try await scheduler.write(drone: "drone-a", backends: ["b1": .ready])
            let asked = Mutex<[ExecProgram]>([])
            try await scheduler.serveExec(exitCode: 3) { request in
                guard case .run(var program) = request.work else { return }
                // Whoever runs the tests may have a terminal.
                program.terminal = nil
                asked.withLock { [program] in $0.append(program) }
            }
            for arguments in [[], ["--shell", "/bin/bash", "--user", "1000"]] {
                let result = try await runPlane(["shell", "b1"] + arguments, server: server, input: ["exit 3\n"])
                #expect(result.status == 3 && result.recorder.out == "exit 3\n", "\(result.recorder.error)")
            }
            #expect(asked.withLock { $0 } == [ExecProgram(command: ["/bin/sh"]), ExecProgram(command: ["/bin/bash"], user: "1000")])
        }
    }

    @Test("without an answer of an agent, exec says whose is missing; without a program, what is")
    func nobody() async throws {
        try await withFakeScheduler { scheduler, server in
            try await scheduler.write(drone: "drone-a", backends: ["b1": .ready])
            let result = try await runPlane(["exec", "b1", "--", "cat"], server: server)
            #expect(result.status == CommandStatus.unavailable.rawValue)
            #expect(result.recorder.error.contains("drone-a"))
        }
        #expect(throws: (any Error).self) { try ExecCommand.parse(["b1"]) }
    }

    @Test("cp packs what it copies into a tar archive")
    func copy() async throws {
        try await withFakeScheduler { scheduler, server in
            try await scheduler.write(drone: "drone-a", backends: ["b1": .ready])
            try await scheduler.serveExec(exitCode: 0)
            let directory = try TemporaryDirectory()
            try "what it says".write(toFile: directory.file("note"), atomically: true, encoding: .utf8)
            let result = try await runPlane(["cp", directory.file("note"), "b1:/tmp"], server: server)
            #expect(result.status == 0)
        }
    }

    @Test("a place in a container is a backend and an absolute path; everything else is here")
    func places() throws {
        let reference = try #require(BackendReference("b1"))
        #expect(CopyCommand.Place("b1:/tmp/x") == .container(reference, "/tmp/x"))
        #expect(CopyCommand.Place("b1:/a:/b") == .container(reference, "/a:/b"))
        for text in ["/tmp/x", "x", "./b1:x", "b1:x", "/tmp/b1:/x"] { #expect(CopyCommand.Place(text) == .here(text)) }
        let url = try #require(BackendReference("http://b1.plane.test:8080"))
        #expect(CopyCommand.Place("http://b1.plane.test:8080:/tmp") == .container(url, "/tmp"))
        #expect(throws: (any Error).self) { try CopyCommand.parse(["a", "b"]) }
        #expect(throws: (any Error).self) { try CopyCommand.parse(["b1:/a", "b2:/b"]) }
    }

    @Test("restart ends the backend, and asks for another one like it with the same lock")
    func restart() async throws {
        try await withFakeScheduler { scheduler, server in
            try await scheduler.write(drone: "drone-a", backends: ["b1": .ready])
            try await scheduler.publish(try .make(.ready, backend: "b1"))
            try await scheduler.serveTermination(reporting: .terminated)
            let request = ScheduleRequest(
                cluster: try .make("plane.test"), maxIdle: 60, executable: DockerExecutableConfig(image: "app"), lock: LockName(rawValue: "doc-42"))
            try await scheduler.serveExec(exitCode: 0, describing: request)
            scheduler.answer { [try .make(.ready, backend: $0)] }
            let result = try await runPlane(["restart", "b1", "--json"], server: server)
            #expect(result.status == 0, "\(result.recorder.error)")
            #expect(result.recorder.out.contains(#""state":"Ready""#) && !result.recorder.out.contains(#""backend_id":"b1""#))
        }
    }

    @Test("cp takes out of an archive what was asked for and nothing else, whatever a drone puts into it, and no rights that others would have")
    func unpacking() async throws {
        let directory = try TemporaryDirectory()
        for folder in ["made/tree", "made/.ssh", "target", "outside"] {
            try FileManager.default.createDirectory(atPath: directory.file(folder), withIntermediateDirectories: true)
        }
        for name in ["made/tree/note", "made/.ssh/authorized_keys", "made/tree/tool", "made/evil"] {
            try "what it says".write(toFile: directory.file(name), atomically: true, encoding: .utf8)
        }
        try await TestProcess.run("/bin/chmod", ["4755", directory.file("made/tree/tool")])
        // A link out of the target, and a file behind it; a name above the target.
        try await TestProcess.run(
            "/bin/sh",
            [
                "-c",
                """
                cd '\(directory.path)/made' && tar -cf ../archive tree .ssh
                ln -s '\(directory.path)/outside' tree/link && tar -rf ../archive tree/link && rm tree/link
                tar -rf ../archive --transform 's,^evil,tree/link/evil,' evil
                tar -rPf ../archive --transform 's,^evil,../outside/evil,' evil
                """,
            ])
        let arguments = CopyCommand.unpacking("/data/tree", into: directory.file("target"))
        // What tar refuses of it makes it fail, which is told.
        _ = try? await TestProcess.run(
            "/bin/sh", ["-c", "exec tar \"$@\" <'\(directory.file("archive"))' 2>/dev/null", "sh"] + arguments)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.file("target")) == ["tree"])
        #expect(try String(contentsOfFile: directory.file("target/tree/note"), encoding: .utf8) == "what it says")
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.file("outside")).isEmpty)
        let mode = try FileManager.default.attributesOfItem(atPath: directory.file("target/tree/tool"))[.posixPermissions] as? Int
        #expect(mode.map { $0 & 0o7000 } == 0)
        #expect(CopyCommand.unpacking("/data/.", into: "x").last == "-")
        #expect(CopyCommand.unpacking("/", into: "x").last == "-")
    }
}
