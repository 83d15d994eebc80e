import DroneStore
import Foundation
import PlaneProtocol
import PlaneTestSupport
import Synchronization
import Testing

@testable import DroneCore

/// What the agent relies on where operators come into containers, of the engine in memory, of Docker and of Podman alike.
@Suite(.withPodman, .timeLimit(.minutes(10))) struct EngineAccessContractTests {
    /// One piece of work with everything it is brought there from the beginning.
    private final class Ends: Sendable {
        private let state = Mutex((began: 0, out: [UInt8](), errors: [UInt8]()))
        private let input: AsyncStream<ExecPort.Input>

        init(_ input: [UInt8]? = []) {
            self.input = AsyncStream { tell in
                if let input {
                    if !input.isEmpty { tell.yield(.bytes(input)) }
                    tell.yield(.end)
                }
            }
        }

        var out: [UInt8] { self.state.withLock { $0.out } }
        var errors: [UInt8] { self.state.withLock { $0.errors } }
        var beginnings: Int { self.state.withLock { $0.began } }

        var port: ExecPort {
            ExecPort(
                began: { self.state.withLock { $0.began += 1 } },
                wrote: { stream, bytes in
                    self.state.withLock { if stream == .stdout { $0.out += bytes } else { $0.errors += bytes } }
                },
                nextInput: {
                    for await next in self.input { return next }
                    return nil
                })
        }
    }

    private func withRunning(_ kind: EngineUnderTest, _ body: (any EngineAccess, ContainerHandle) async throws -> Void) async throws {
        let engine = try await kind.make()
        let id = BackendID.random()
        let outcome: Result<Void, any Error>
        do {
            let container = try await engine.create(kind.serving(id))
            try await engine.start(container)
            outcome = .success(try await body(engine, container))
        } catch {
            outcome = .failure(error)
        }
        try await engine.remove(ContainerHandle(of: id))
        try outcome.get()
    }

    @Test("a program reads its input to the end, writes as much, and ends with 0; many bytes of every kind survive", arguments: EngineUnderTest.available)
    func echo(kind: EngineUnderTest) async throws {
        try await self.withRunning(kind) { engine, container in
            let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }
            let ends = Ends(bytes)
            let code1 = try await engine.run(.run(ExecProgram(command: ["busybox", "cat"])), in: container, ends.port)
            #expect(code1 == 0)
            #expect(ends.out == bytes && ends.errors.isEmpty && ends.beginnings == 1)
        }
    }

    @Test("a program's exit code is told, and a program that there is not has one too", arguments: EngineUnderTest.available)
    func codes(kind: EngineUnderTest) async throws {
        try await self.withRunning(kind) { engine, container in
            let code2 = try await engine.run(.run(ExecProgram(command: ["sh", "-c", "exit 7"])), in: container, Ends().port)
            #expect(code2 == 7)
            let missing = try await engine.run(.run(ExecProgram(command: ["no-such-program"])), in: container, Ends().port)
            #expect(missing == 126 || missing == 127)
        }
    }

    @Test("an archive that is copied to a container can be copied from it, and a path that there is not is refused", arguments: EngineUnderTest.available)
    func copies(kind: EngineUnderTest) async throws {
        try await self.withRunning(kind) { engine, container in
            let directory = try TemporaryDirectory()
            try "what it says".write(toFile: directory.file("note"), atomically: true, encoding: .utf8)
            try await TestProcess.run("/bin/tar", ["-C", directory.path, "-cf", directory.file("note.tar"), "note"])
            let archive = Array(try Data(contentsOf: URL(fileURLWithPath: directory.file("note.tar"))))
            let code3 = try await engine.run(.copyTo(path: "/bin"), in: container, Ends(archive).port)
            #expect(code3 == 0)
            let back = Ends()
            let code4 = try await engine.run(.copyFrom(path: kind == .fake ? "/bin" : "/bin/note"), in: container, back.port)
            #expect(code4 == 0)
            #expect(String(decoding: back.out, as: UTF8.self).contains("what it says") && back.beginnings == 1)
            let missing = Ends()
            let failure = await #expect(throws: BackendEngineError.self) { try await engine.run(.copyFrom(path: "/nowhere"), in: container, missing.port) }
            #expect(failure?.code == .refused && missing.beginnings == 0)
        }
    }

    @Test("a container that is not there is refused, and a program whose task is cancelled is left", arguments: EngineUnderTest.available)
    func ends(kind: EngineUnderTest) async throws {
        try await self.withRunning(kind) { engine, container in
            let nobody = ContainerHandle(of: .random())
            await #expect(throws: BackendEngineError.self) { try await engine.run(.run(ExecProgram(command: ["sh"])), in: nobody, Ends().port) }
            let ends = Ends(nil)
            await withTaskGroup(of: Void.self) { group in
                group.addTask { _ = try? await engine.run(.run(ExecProgram(command: ["busybox", "cat"])), in: container, ends.port) }
                try? await eventually("it has begun") { ends.beginnings == 1 }
                group.cancelAll()
            }
        }
    }

    @Test("a program with a terminal has one of the size that was asked for", .needsDocker, arguments: EngineUnderTest.real)
    func terminal(kind: EngineUnderTest) async throws {
        try await self.withRunning(kind) { engine, container in
            let ends = Ends()
            let program = ExecProgram(
                command: ["sh", "-c", "until busybox stty size 2>/dev/null | busybox grep -v '^0 0$'; do busybox sleep 0.05; done"],
                terminal: TerminalSize(rows: 33, columns: 111))
            let code5 = try await engine.run(.run(program), in: container, ends.port)
            #expect(code5 == 0)
            #expect(String(decoding: ends.out, as: UTF8.self).contains("33 111"))
        }
    }
}
