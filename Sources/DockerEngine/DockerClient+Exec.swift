import FoundationEssentials
import NIOCore
import NIOHTTP1

/// A program to be run in a running container.
package struct ExecSpec: Hashable, Sendable {
    package var command: [String]
    package var hasTerminal: Bool
    package var user: String?
    package var workingDirectory: String?

    package init(command: [String], hasTerminal: Bool, user: String? = nil, workingDirectory: String? = nil) {
        self.command = command
        self.hasTerminal = hasTerminal
        self.user = user
        self.workingDirectory = workingDirectory
    }
}

/// Output and input of a program that runs in a container. Reading is for one task; another one may write.
package struct ExecStreams: ~Copyable {
    fileprivate var streams: HijackedConnection.Streams
    fileprivate var decoder: ExecFrameDecoder
    fileprivate let attempt: String
    package let input: ExecInputWriter

    /// The program's next output; nil when it has ended.
    package mutating func next() async throws -> [ExecPiece]? {
        while true {
            let bytes: ByteBuffer?
            if self.streams.first.readableBytes > 0 {
                bytes = self.streams.first
                self.streams.first = ByteBuffer()
            } else {
                bytes = try await self.streams.inbound.next()
            }
            guard let bytes else { return nil }
            do throws(StreamError) {
                let pieces = try self.decoder.feed(bytes)
                if !pieces.isEmpty { return pieces }
            } catch {
                throw EngineError(.unreadableReply, attempt: self.attempt, message: "\(error)")
            }
        }
    }
}

/// The standard input of a program that runs in a container.
package struct ExecInputWriter: Sendable {
    fileprivate let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>

    /// Waits if the program does not read.
    package func write(_ bytes: [UInt8]) async throws { try await self.outbound.write(ByteBuffer(bytes: bytes)) }

    /// Ends the input; the program reads what was written before.
    package func finish() { self.outbound.finish() }
}

/// Running additional programs in a container.
extension DockerClient {
    /// Prepares a program to be run.
    /// - Throws: `noSuchContainer`; `conflict` if the container does not run.
    package func createExec(_ spec: ExecSpec, in id: ContainerID) async throws(EngineError) -> ContainerID {
        struct Body: Encodable {
            enum CodingKeys: String, CodingKey {
                case command = "Cmd"
                case attachStdin = "AttachStdin"
                case attachStdout = "AttachStdout"
                case attachStderr = "AttachStderr"
                case hasTerminal = "Tty"
                case user = "User"
                case workingDirectory = "WorkingDir"
            }

            var command: [String]
            var attachStdin = true
            var attachStdout = true
            var attachStderr = true
            var hasTerminal: Bool
            var user: String?
            var workingDirectory: String?
        }
        struct Reply: Decodable {
            enum CodingKeys: String, CodingKey { case id = "Id" }
            var id: ContainerID
        }
        var request = Self.request(.POST, id, "exec", attempt: "run a program in container \(id)")
        do {
            request.body = ByteBuffer(
                bytes: try JSONEncoder().encode(
                    Body(command: spec.command, hasTerminal: spec.hasTerminal, user: spec.user, workingDirectory: spec.workingDirectory)))
        } catch {
            throw EngineError(.badRequest, attempt: request.attempt, cause: error)
        }
        return try await self.decode(Reply.self, from: request).id
    }

    /// Runs the program, and calls `body` with its output and input. By then the daemon has started it; otherwise its output says why it could not be
    /// started.
    package func startExec<Result: Sendable>(
        _ exec: ContainerID, hasTerminal: Bool, _ body: (inout ExecStreams) async throws -> Result
    ) async throws(EngineError) -> Result {
        let attempt = "start a program in a container"
        let request = EngineRequest(
            method: .POST, path: "/exec/\(exec.rawValue)/start", body: ByteBuffer(string: #"{"Detach":false,"Tty":\#(hasTerminal)}"#),
            subject: .container, attempt: attempt)
        let version = try await self.transport.negotiatedVersion()
        return try await HijackedConnection(endpoint: self.endpoint).withStreams(request, version: version) { streams in
            var ends = ExecStreams(
                streams: streams, decoder: ExecFrameDecoder(hasTerminal: hasTerminal), attempt: attempt,
                input: ExecInputWriter(outbound: streams.outbound))
            return try await body(&ends)
        }
    }

    package func resizeExec(_ exec: ContainerID, rows: UInt16, columns: UInt16) async throws(EngineError) {
        try await self.perform(
            EngineRequest(
                method: .POST, path: "/exec/\(exec.rawValue)/resize", query: [("h", String(rows)), ("w", String(columns))], subject: .container,
                attempt: "resize a program's terminal"))
    }

    /// The program's exit code; nil while it runs.
    package func exitCode(ofExec exec: ContainerID) async throws(EngineError) -> Int64? {
        struct Reply: Decodable {
            enum CodingKeys: String, CodingKey {
                case isRunning = "Running"
                case exitCode = "ExitCode"
            }

            var isRunning: Bool
            var exitCode: Int64?
        }
        let reply = try await self.decode(
            Reply.self,
            from: EngineRequest(path: "/exec/\(exec.rawValue)/json", subject: .container, attempt: "ask how a program in a container has ended"))
        return reply.isRunning ? nil : reply.exitCode
    }
}
