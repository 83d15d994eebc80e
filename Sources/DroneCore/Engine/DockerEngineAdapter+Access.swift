import DockerEngine
package import DroneStore
import NIOCore
package import PlaneProtocol

extension DockerEngineAdapter: EngineAccess {
    package func run(_ work: ExecRequest.Work, in container: ContainerHandle, _ port: ExecPort) async throws(BackendEngineError) -> Int64 {
        do throws(EngineError) {
            let code = try await self.withContainer(container) { (id) async throws(EngineError) in
                try await self.ensureThawed(id)
                switch work {
                case .run(let program): return try await self.run(program, in: id, port)
                case .copyFrom(let path):
                    try await self.client.readArchive(of: path, in: id, began: port.began) { bytes in
                        await port.wrote(.stdout, Array(bytes.readableBytesView))
                    }
                    return 0
                case .copyTo(let path):
                    port.began()
                    try await self.client.writeArchive(PortBytes(port: port), to: path, in: id)
                    return 0
                }
            }
            if let code { return code }
        } catch {
            throw BackendEngineError(error)
        }
        throw BackendEngineError(.refused, "there is no container \(container.name)")
    }

    private func run(_ program: ExecProgram, in id: ContainerID, _ port: ExecPort) async throws(EngineError) -> Int64 {
        let spec = ExecSpec(
            command: program.command, hasTerminal: program.terminal != nil, user: program.user, workingDirectory: program.workingDirectory)
        let exec = try await self.client.createExec(spec, in: id)
        try await self.client.startExec(exec, hasTerminal: spec.hasTerminal) { ends in
            port.began()
            if let size = program.terminal { await self.resize(exec, size) }
            let input = ends.input
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    while let next = await port.nextInput() {
                        switch next {
                        // A write fails when the program has ended, which then reads nothing any more.
                        case .bytes(let bytes): try? await input.write(bytes)
                        case .resized(let size): await self.resize(exec, size)
                        // Docker takes the end of the input of a terminal for the end of its output too, so a terminal gets the character for it instead.
                        case .end where spec.hasTerminal: try? await input.write([Self.endOfTransmission])
                        case .end: input.finish()
                        }
                    }
                }
                while let pieces = try await ends.next() {
                    for piece in pieces { await port.wrote(piece.source == .standardError ? .stderr : .stdout, piece.bytes) }
                }
                group.cancelAll()
            }
        }
        return try await self.exitCode(of: exec)
    }

    /// The character that a terminal takes for the end of input (termios(3), VEOF).
    private static let endOfTransmission: UInt8 = 0x04

    /// If the size cannot be set, the program runs on with another one; it may also have ended already.
    private func resize(_ exec: ContainerID, _ size: TerminalSize) async {
        try? await self.client.resizeExec(exec, rows: size.rows, columns: size.columns)
    }

    /// The output may end a moment before the daemon knows the exit code, and a program that has closed its output may still run.
    private static let endingPause: Duration = .milliseconds(50)
    private static let mostEndingPauses = 100

    private func exitCode(of exec: ContainerID) async throws(EngineError) -> Int64 {
        for _ in 0..<Self.mostEndingPauses {
            if let code = try await self.client.exitCode(ofExec: exec) { return code }
            do { try await Task.sleep(for: Self.endingPause) } catch { break }
        }
        throw EngineError(.timedOut, attempt: "ask how a program in a container has ended", message: "it still runs, and says nothing any more")
    }
}

/// What the port has as input, as the body of a request.
private struct PortBytes: AsyncSequence, Sendable {
    let port: ExecPort

    struct AsyncIterator: AsyncIteratorProtocol {
        let port: ExecPort

        mutating func next() async -> ByteBuffer? {
            while let next = await self.port.nextInput() {
                switch next {
                case .bytes(let bytes): return ByteBuffer(bytes: bytes)
                case .resized: continue
                case .end: return nil
                }
            }
            return nil
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(port: self.port) }
}
