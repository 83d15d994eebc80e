import Foundation
import Synchronization

/// A program run by a test: its lines can be waited for, and it dies with the test process however that ends.
///
/// The program is started by a shell whose watcher holds the reading end of a pipe; a closed pipe means kill.
package final class TestProcess: Sendable {
    /// How to end a program.
    package enum Signal: String, Sendable {
        case interrupt = "INT"
        case terminate = "TERM"
        /// As in a power cut.
        case kill = "KILL"
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

    private struct LineWaiter {
        let text: String
        let continuation: CheckedContinuation<String, any Error>
    }

    private struct State {
        /// The newest lines of standard output and error, at most `logLimit`.
        var log: [String] = []
        /// The bytes after the last line feed.
        var partialLine: [UInt8] = []
        var hasEnded = false
        var lineWaiters: [LineWaiter] = []
        var endWaiters: [CheckedContinuation<Void, Never>] = []
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
    private let commands = Pipe()
    private let state = Mutex(State())
    private let process: Process

    /// Starts `program` at once.
    /// - Parameter environment: added to this process's own.
    package init(_ program: String, _ arguments: [String] = [], environment: [String: String] = [:]) throws {
        self.program = URL(filePath: program).lastPathComponent
        let output = Pipe()
        self.process = Process()
        self.process.executableURL = URL(filePath: "/bin/sh")
        self.process.arguments = ["-c", Self.script, self.program, program] + arguments
        self.process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        self.process.standardInput = self.commands
        self.process.standardOutput = output
        self.process.standardError = output
        output.fileHandleForReading.readabilityHandler = { [weak self] handle in
            let bytes = handle.availableData
            if bytes.isEmpty {
                handle.readabilityHandler = nil
                self?.outputEnded()
            } else {
                self?.received(bytes)
            }
        }
        try self.process.run()
    }

    deinit {
        // Closing the pipe is what kills the program; a watcher that is gone already is as good.
        try? self.commands.fileHandleForWriting.close()
    }

    /// Everything printed so far.
    package var log: [String] { self.state.withLock { $0.log } }

    /// The first line, printed already or to come, that contains `text`.
    /// - Throws: `EndedEarly` if the program ends without it.
    @discardableResult
    package func line(containing text: String) async throws -> String {
        try await withCheckedThrowingContinuation { continuation in
            let answer: Result<String, any Error>? = self.state.withLock { state in
                if let line = state.log.first(where: { $0.contains(text) }) { return .success(line) }
                if state.hasEnded {
                    return .failure(EndedEarly(program: self.program, awaited: text, log: state.log))
                }
                state.lineWaiters.append(LineWaiter(text: text, continuation: continuation))
                return nil
            }
            if let answer { continuation.resume(with: answer) }
        }
    }

    package func signal(_ signal: Signal) {
        // A program which ended by itself has nobody reading this pipe any more.
        try? self.commands.fileHandleForWriting.write(contentsOf: Data("\(signal.rawValue)\n".utf8))
    }

    /// Returns the exit status (128 + signal number for a killed program) when the program and its output have ended.
    @discardableResult
    package func ended() async -> Int32 {
        await withCheckedContinuation { continuation in
            let hasEnded = self.state.withLock { state in
                if !state.hasEnded { state.endWaiters.append(continuation) }
                return state.hasEnded
            }
            if hasEnded { continuation.resume() }
        }
        self.process.waitUntilExit()
        return self.process.terminationReason == .exit
            ? self.process.terminationStatus : 128 + self.process.terminationStatus
    }

    /// Sends `signal` and returns when the program is gone.
    @discardableResult
    package func stop(_ signal: Signal = .terminate) async -> Int32 {
        self.signal(signal)
        return await self.ended()
    }

    private func received(_ bytes: Data) {
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

    private func outputEnded() {
        let (lineWaiters, endWaiters, log) = self.state.withLock { state in
            defer {
                state.lineWaiters = []
                state.endWaiters = []
            }
            state.hasEnded = true
            return (state.lineWaiters, state.endWaiters, state.log)
        }
        for waiter in lineWaiters {
            waiter.continuation.resume(throwing: EndedEarly(program: self.program, awaited: waiter.text, log: log))
        }
        for waiter in endWaiters { waiter.resume() }
    }
}

extension TestProcess {
    /// An executable of this package, built beside the test bundle.
    package static func ours(
        _ name: String, _ arguments: [String] = [], environment: [String: String] = [:]
    ) throws -> TestProcess {
        let folder = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
        return try TestProcess(folder.appending(path: name).path, arguments, environment: environment)
    }
}
