import ArgumentParser
import PlaneClient
import PlaneProtocol
import Synchronization

struct ExecCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "exec", abstract: "Run a program in the container of a backend.", usage: "plane exec [options] <backend> -- <command> ...",
        discussion: """
            What is written to standard input goes to the program, and what it writes comes back; the exit status is the program's. It runs beside the \
            backend's own program, and ends with the container. The drone's agent writes the command line to its log with your name: secrets belong on \
            standard input. Drones with agent.exec = false refuse it.
            """)

    @Argument(help: BackendReference.help)
    var backend: BackendReference

    @Argument(parsing: .postTerminator, help: ArgumentHelp("The program and its arguments, behind --.", valueName: "command"))
    var command: [String] = []

    @Flag(name: .shortAndLong, help: "Give the program a terminal, this one.")
    var tty = false

    @Flag(name: [.customShort("n"), .customLong("no-input")], help: "Give the program no standard input.")
    var noInput = false

    @Option(name: .shortAndLong, help: ArgumentHelp("Run it as this user, as in docker exec.", valueName: "user"))
    var user: String?

    @Option(name: .shortAndLong, help: ArgumentHelp("Run it in this directory of the container.", valueName: "path"))
    var workdir: String?

    @OptionGroup(title: "Connection and output") var global: GlobalOptions

    mutating func validate() throws {
        guard !self.command.isEmpty else { throw ValidationError("Which program? It stands behind --.") }
    }

    func run() async throws {
        let program = ExecProgram(
            command: self.command, terminal: self.tty ? RawTerminal.size() : nil, user: self.user, workingDirectory: self.workdir)
        try await ExecRun(work: .run(program), readsInput: !self.noInput).run(in: self.backend, self.global)
    }
}

struct ShellCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shell", abstract: "Open a shell in the container of a backend.", usage: "plane shell [options] <backend>",
        discussion: "As plane exec --tty BACKEND -- /bin/sh; the image has to have a shell.")

    @Argument(help: BackendReference.help)
    var backend: BackendReference

    @Option(help: ArgumentHelp("The shell.", valueName: "path"))
    var shell = "/bin/sh"

    @Option(name: .shortAndLong, help: ArgumentHelp("Run it as this user, as in docker exec.", valueName: "user"))
    var user: String?

    @OptionGroup(title: "Connection and output") var global: GlobalOptions

    func run() async throws {
        let program = ExecProgram(command: [self.shell], terminal: RawTerminal.size(), user: self.user)
        try await ExecRun(work: .run(program)).run(in: self.backend, self.global)
    }
}

/// Connects a program in a container with this process's standard streams.
struct ExecRun {
    var work: ExecRequest.Work
    var readsInput = true

    /// How often to check whether the terminal's size has changed.
    private static let sizeInterval: Duration = .milliseconds(500)

    /// Runs the program, and ends this process with the program's exit status.
    func run(in reference: BackendReference, _ global: GlobalOptions) async throws {
        var status: Int64 = 0
        try await global.run { client, console in
            let found = try await client.find(reference)
            guard let cluster = found.cluster else { throw PlaneError.unknownBackend(found.id, nil) }
            let ends = ExecEnds(
                nextInput: { self.readsInput ? await console.readBytes() : [] }, sizes: self.sizes,
                write: { stream, bytes in console.writeBytes(bytes, stream == .stderr) })
            let requester = Requester.name(console.environment)
            let call = { try await client.exec(self.work, in: found.id, of: cluster, requestedBy: requester, ends) }
            status = self.terminal == nil ? try await call() : try await RawTerminal.with(call)
        }
        guard status == 0 else { throw ExitCode(Int32(truncatingIfNeeded: status)) }
    }

    private var terminal: TerminalSize? { if case .run(let program) = self.work { program.terminal } else { nil } }

    private var sizes: AsyncStream<TerminalSize> {
        guard let first = self.terminal else { return AsyncStream { $0.finish() } }
        let last = Mutex(first)
        return AsyncStream {
            while !Task.isCancelled {
                try? await Task.sleep(for: Self.sizeInterval)
                guard let size = RawTerminal.size() else { return nil }
                if last.withLock({ $0 != size }) {
                    last.withLock { $0 = size }
                    return size
                }
            }
            return nil
        }
    }
}
