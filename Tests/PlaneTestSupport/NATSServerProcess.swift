import Foundation
import Glibc
import Synchronization

/// One run of the nats-server program, from its start to its end.
///
/// Started with `posix_spawn` and read by a thread of its own, because closing a `FileHandle` that Foundation's
/// `readabilityHandler` watches can crash in libdispatch on Linux.
final class NATSServerProcess: Sendable {
    /// The server ended, or could not be started, before it accepted connections.
    struct StartError: Error, CustomStringConvertible {
        let reason: String
        let log: [String]
        var description: String { "nats-server did not start: \(self.reason)\n" + self.log.joined(separator: "\n") }
    }

    /// What the log has told so far, and who waits for more.
    private struct State {
        /// The newest lines, at most `logLimit`.
        var log: [String] = []
        var port: UInt16?
        var isReady = false
        var hasEnded = false
        var readyWaiter: CheckedContinuation<UInt16, any Error>?
        var endWaiters: [CheckedContinuation<Void, Never>] = []
        /// The writing end of the watcher's socket while it may still be used.
        var commands: CInt?
    }

    /// Lines kept for an error message.
    private static let logLimit = 200

    /// The watcher waits for a signal's name, or for its socket to close when the test process dies, and sends it to the
    /// server, which has taken the place of the shell. `PLANE_TEST_NATS_SERVER` names another program than that of the search path.
    private static let script = """
        PATH="$PATH:/usr/sbin:/usr/local/bin"
        exec 3<&0
        (read -r name <&3; kill -"${name:-KILL}" $$) >/dev/null 2>&1 &
        exec "${PLANE_TEST_NATS_SERVER:-nats-server}" "$@" </dev/null 3<&- 2>&1
        """

    private let directory: URL
    private let port: UInt16
    private let state = Mutex(State())

    init(directory: URL, port: UInt16) {
        self.directory = directory
        self.port = port
    }

    deinit { self.signal(.kill) }

    /// Starts the program and returns the port it listens on.
    func start() async throws -> UInt16 {
        let (commandsRead, commandsWrite) = try Self.pair()
        let (outputRead, outputWrite) = try Self.pair()
        self.state.withLock { $0.commands = commandsWrite }
        let spawned = Result { try self.spawn(input: commandsRead, output: outputWrite) }
        close(commandsRead)
        close(outputWrite)
        let process = try spawned.get()
        // Ends with the server's output, that is with the server; keeps `self` until then only where it reports.
        Thread.detachNewThread { [weak self] in
            Self.readLines(from: outputRead) { self?.received(line: $0) }
            close(outputRead)
            var status: CInt = 0
            while waitpid(process, &status, 0) == -1, errno == EINTR {}
            self?.ended(status: status)
        }
        return try await withCheckedThrowingContinuation { continuation in
            let answer: Result<UInt16, any Error>? = self.state.withLock { state in
                if let port = state.port, state.isReady { return .success(port) }
                if state.hasEnded { return .failure(StartError(reason: "it ended", log: state.log)) }
                state.readyWaiter = continuation
                return nil
            }
            if let answer { continuation.resume(with: answer) }
        }
    }

    /// Asks the watcher to send a signal. The second call does nothing.
    func signal(_ signal: NATSServer.Signal) {
        let commands: CInt? = self.state.withLock { state in
            defer { state.commands = nil }
            return state.commands
        }
        guard let commands else { return }
        let line = Array("\(signal.rawValue)\n".utf8)
        _ = send(commands, line, line.count, CInt(MSG_NOSIGNAL))
        close(commands)
    }

    /// Returns when the program has ended.
    func waitForEnd() async {
        await withCheckedContinuation { continuation in
            let hasEnded = self.state.withLock { state in
                if !state.hasEnded { state.endWaiters.append(continuation) }
                return state.hasEnded
            }
            if hasEnded { continuation.resume() }
        }
    }

    private func spawn(input: CInt, output: CInt) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, output, 2)
        let arguments = [
            "sh", "-c", Self.script, "nats-server", "--config", self.directory.appending(path: "nats.conf").path,
            "--addr", "127.0.0.1", "--port", "\(self.port)",
        ]
        var pointers = arguments.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var process: pid_t = 0
        let code = posix_spawn(&process, "/bin/sh", &actions, nil, &pointers, environ)
        guard code == 0 else { throw StartError(reason: String(cString: strerror(code)), log: []) }
        return process
    }

    private func received(line: String) {
        let ready: (CheckedContinuation<UInt16, any Error>, UInt16)? = self.state.withLock { state in
            if state.log.count == Self.logLimit { state.log.removeFirst() }
            state.log.append(line)
            // The wording of both lines is the same since 2.0.
            if let address = line.firstRange(of: "Listening for client connections on ") {
                state.port = line[address.upperBound...].split(separator: ":").last.flatMap { UInt16($0) }
            }
            if line.hasSuffix("Server is ready") { state.isReady = true }
            guard state.isReady, let port = state.port, let waiter = state.readyWaiter else { return nil }
            state.readyWaiter = nil
            return (waiter, port)
        }
        if let (waiter, port) = ready { waiter.resume(returning: port) }
    }

    private func ended(status: CInt) {
        let (readyWaiter, endWaiters, log) = self.state.withLock { state in
            defer {
                state.readyWaiter = nil
                state.endWaiters = []
            }
            state.hasEnded = true
            return (state.readyWaiter, state.endWaiters, state.log)
        }
        readyWaiter?.resume(throwing: StartError(reason: "it ended with wait status \(status)", log: log))
        for waiter in endWaiters { waiter.resume() }
    }

    /// Two connected descriptors, closed in every program started from here unless handed over on purpose. A socket
    /// pair, because Glibc's `pipe2` is not visible to Swift and a plain `pipe` could leak into a neighbour's server.
    private static func pair() throws -> (CInt, CInt) {
        var ends: [CInt] = [-1, -1]
        let kind = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
            throw StartError(reason: "socketpair: " + String(cString: strerror(errno)), log: [])
        }
        return (ends[0], ends[1])
    }

    private static func readLines(from descriptor: CInt, _ body: (String) -> Void) {
        var buffer = [UInt8](repeating: 0, count: 4096)
        var line: [UInt8] = []
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            for byte in buffer[..<count] {
                if byte == UInt8(ascii: "\n") {
                    body(String(decoding: line, as: UTF8.self))
                    line.removeAll(keepingCapacity: true)
                } else {
                    line.append(byte)
                }
            }
        }
    }
}
