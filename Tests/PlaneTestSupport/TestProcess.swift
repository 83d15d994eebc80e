import Dispatch
import Foundation
import Glibc
import Synchronization

/// A program run by a test: its lines can be waited for, and it dies with the test process however that ends.
///
/// The program is started by a shell whose watcher listens on a socket held by this process; a closed socket means kill. Started with
/// `posix_spawn`, because Foundation's `Process` takes a program for running as long as the watcher is.
package final class TestProcess: Sendable {
    /// How to end a program.
    package enum Signal: String, Sendable {
        case interrupt = "INT"
        case terminate = "TERM"
        /// As in a power cut.
        case kill = "KILL"
        /// Stands still, with its connections open, until it is told to go on.
        case stop = "STOP"
        case goOn = "CONT"
    }

    /// The program was to do its work and end with status 0.
    package struct Failed: Error, CustomStringConvertible {
        package let program: String
        package let status: Int32
        package let log: [String]
        package var description: String { "\(self.program) ended with status \(self.status):\n" + self.log.joined(separator: "\n") }
    }

    /// The program ended before it printed the line a test waited for.
    package struct EndedEarly: Error, CustomStringConvertible {
        package let program: String
        package let awaited: String
        package let log: [String]
        package var description: String {
            "\(self.program) ended without printing “\(self.awaited)”:\n" + self.log.joined(separator: "\n")
        }
    }

    /// A program that goes on neither printed the line nor ended.
    package struct Silent: Error, CustomStringConvertible {
        package let program: String
        package let awaited: String
        package let limit: Duration
        package let log: [String]
        package var description: String {
            "\(self.program) did not print “\(self.awaited)” within \(self.limit):\n" + self.log.joined(separator: "\n")
        }
    }

    private struct LineWaiter {
        let id: UInt64
        let text: String
        let continuation: CheckedContinuation<String, any Error>
    }

    private struct State {
        /// The newest lines of standard output and error, at most `logLimit`.
        var log: [String] = []
        /// The bytes after the last line feed.
        var partialLine: [UInt8] = []
        var lineWaiters: [LineWaiter] = []
        var nextWaiter: UInt64 = 0
        /// As `ended()` returns it; nil while the program runs.
        var exitStatus: Int32?
        var endWaiters: [CheckedContinuation<Int32, Never>] = []
        /// The writing end of the watcher's socket while it may still be used.
        var commands: CInt?
    }

    /// Lines kept for `line(containing:)` and for error messages.
    private static let logLimit = 5_000

    /// The watcher waits for a signal's name, or for the pipe to close when the test process dies, and sends it to the
    /// program, which has taken the place of the shell.
    private static let script = """
        exec 3<&0
        (while read -r name <&3; do kill -"$name" $$; done; kill -KILL $$) >/dev/null 2>&1 &
        exec "$@" </dev/null 3<&- 2>&1
        """

    package let program: String
    private let state = Mutex(State())

    /// Starts `program` at once.
    /// - Parameter environment: added to this process's own.
    package init(_ program: String, _ arguments: [String] = [], environment: [String: String] = [:]) throws {
        self.program = URL(filePath: program).lastPathComponent
        let (commandsRead, commandsWrite) = try Self.pair()
        let (outputRead, outputWrite) = try Self.pair()
        self.state.withLock { $0.commands = commandsWrite }
        let spawned = Result {
            try Self.spawn(
                ["sh", "-c", Self.script, self.program, program] + arguments, environment: environment, input: commandsRead, output: outputWrite)
        }
        close(commandsRead)
        close(outputWrite)
        let process: pid_t
        do {
            process = try spawned.get()
        } catch {
            close(outputRead)
            throw error
        }
        // Ends with the program's output, that is with the program; keeps `self` until then only where it reports.
        Thread.detachNewThread { [weak self] in
            Self.read(outputRead) { self?.received($0) }
            close(outputRead)
            var status: CInt = 0
            while waitpid(process, &status, 0) == -1, errno == EINTR {}
            self?.ended(waitStatus: status)
        }
    }

    deinit {
        // Closing the socket is what kills the program.
        if let commands = self.state.withLock({ $0.commands }) { close(commands) }
    }

    /// Everything printed so far.
    package var log: [String] { self.state.withLock { $0.log } }

    /// The first line, printed already or to come, that contains `text`.
    /// - Throws: `EndedEarly` if the program ends without it, `Silent` if it is not there in time.
    @discardableResult
    package func line(containing text: String, within limit: Duration = .seconds(120)) async throws -> String {
        try await withCheckedThrowingContinuation { continuation in
            let answer: Result<String, any Error>? = self.state.withLock { state in
                if let line = state.log.first(where: { $0.contains(text) }) { return .success(line) }
                if state.exitStatus != nil {
                    return .failure(EndedEarly(program: self.program, awaited: text, log: state.log))
                }
                self.giveUp(on: state.nextWaiter, after: limit)
                state.lineWaiters.append(LineWaiter(id: state.nextWaiter, text: text, continuation: continuation))
                state.nextWaiter += 1
                return nil
            }
            if let answer { continuation.resume(with: answer) }
        }
    }

    private func giveUp(on id: UInt64, after limit: Duration) {
        DispatchQueue.global().asyncAfter(deadline: .now() + limit / .seconds(1)) { [weak self] in
            let late: (LineWaiter, [String])? =
                self?.state.withLock { state in
                    guard let index = state.lineWaiters.firstIndex(where: { $0.id == id }) else { return nil }
                    return (state.lineWaiters.remove(at: index), state.log)
                } ?? nil
            guard let self, let (waiter, log) = late else { return }
            waiter.continuation.resume(throwing: Silent(program: self.program, awaited: waiter.text, limit: limit, log: log))
        }
    }

    package func signal(_ signal: Signal) {
        let line = Array("\(signal.rawValue)\n".utf8)
        // A program which ended by itself has nobody reading any more.
        self.state.withLock { state in
            if let commands = state.commands { _ = send(commands, line, line.count, CInt(MSG_NOSIGNAL)) }
        }
    }

    /// Returns the exit status (128 + signal number for a killed program) when the program and its output have ended. A program that is
    /// still there after `limit` is killed, so that a test fails instead of waiting for ever.
    @discardableResult
    package func ended(within limit: Duration = .seconds(300)) async -> Int32 {
        DispatchQueue.global().asyncAfter(deadline: .now() + limit / .seconds(1)) { [weak self] in
            guard let self, self.state.withLock({ $0.exitStatus == nil }) else { return }
            self.signal(.kill)
        }
        return await withCheckedContinuation { continuation in
            let status: Int32? = self.state.withLock { state in
                if state.exitStatus == nil { state.endWaiters.append(continuation) }
                return state.exitStatus
            }
            if let status { continuation.resume(returning: status) }
        }
    }

    /// Sends `signal` and returns when the program is gone.
    @discardableResult
    package func stop(_ signal: Signal = .terminate) async -> Int32 {
        self.signal(signal)
        return await self.ended()
    }

    private func received(_ bytes: ArraySlice<UInt8>) {
        let found: [(LineWaiter, String)] = self.state.withLock { state in
            var found: [(LineWaiter, String)] = []
            for byte in bytes {
                guard byte == UInt8(ascii: "\n") else {
                    state.partialLine.append(byte)
                    continue
                }
                let line = String(decoding: state.partialLine, as: UTF8.self)
                state.partialLine.removeAll(keepingCapacity: true)
                if state.log.count == Self.logLimit { state.log.removeFirst() }
                state.log.append(line)
                found += state.lineWaiters.filter { line.contains($0.text) }.map { ($0, line) }
                state.lineWaiters.removeAll { line.contains($0.text) }
            }
            return found
        }
        for (waiter, line) in found { waiter.continuation.resume(returning: line) }
    }

    private func ended(waitStatus: CInt) {
        // As wait(2) packs it: the low seven bits are the signal, 0 for an exit, whose status stands above them.
        let signal = waitStatus & 0x7F
        let status = signal == 0 ? (waitStatus >> 8) & 0xFF : 128 + signal
        let (lineWaiters, endWaiters, log) = self.state.withLock { state in
            defer {
                state.lineWaiters = []
                state.endWaiters = []
            }
            state.exitStatus = status
            return (state.lineWaiters, state.endWaiters, state.log)
        }
        for waiter in lineWaiters {
            waiter.continuation.resume(throwing: EndedEarly(program: self.program, awaited: waiter.text, log: log))
        }
        for waiter in endWaiters { waiter.resume(returning: status) }
    }
}

extension TestProcess {
    private struct SpawnFailure: Error, CustomStringConvertible {
        let description: String
    }

    private static func spawn(
        _ arguments: [String], environment: [String: String], input: CInt, output: CInt
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, output, 2)
        // A thread of Dispatch blocks signals, and what is started from it would inherit that: SIGTERM would not end it.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        let merged = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        var argumentPointers = arguments.map { strdup($0) } + [nil]
        var environmentPointers = merged.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in argumentPointers + environmentPointers { free(pointer) } }
        var process: pid_t = 0
        let code = posix_spawn(&process, "/bin/sh", &actions, &attributes, &argumentPointers, &environmentPointers)
        guard code == 0 else { throw SpawnFailure(description: "posix_spawn: \(String(cString: strerror(code)))") }
        return process
    }

    /// Two connected descriptors, closed in every program started from here unless handed over on purpose.
    private static func pair() throws -> (CInt, CInt) {
        var ends: [CInt] = [-1, -1]
        guard socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw SpawnFailure(description: "socketpair: \(String(cString: strerror(errno)))")
        }
        return (ends[0], ends[1])
    }

    private static func read(_ descriptor: CInt, _ body: (ArraySlice<UInt8>) -> Void) {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            body(buffer[..<count])
        }
    }
}

extension TestProcess {
    /// Runs a program to its end, and returns the lines it printed. Blocks no thread of the cooperative pool, which Foundation's `Process`
    /// with a pipe does: every program started meanwhile inherits the pipe and keeps it open.
    /// - Throws: `Failed`.
    @discardableResult
    package static func run(_ program: String, _ arguments: [String]) async throws -> [String] {
        let process = try TestProcess(program, arguments)
        let status = await process.ended()
        guard status == 0 else { throw Failed(program: process.program, status: status, log: process.log) }
        return process.log
    }

    /// An executable of this package, built beside the test bundle.
    package static func ours(
        _ name: String, _ arguments: [String] = [], environment: [String: String] = [:]
    ) throws -> TestProcess {
        try TestProcess(self.path(of: name), arguments, environment: environment)
    }

    /// Where a program of this package is, beside the tests.
    package static func path(of name: String) -> String {
        URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: name).path
    }
}
