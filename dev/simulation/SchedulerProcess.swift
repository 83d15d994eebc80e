package import Foundation
import Glibc

/// One scheduler, or another service, as an operator would start it. It dies with this process: a shell beside it waits on a pipe that we hold.
package final class SchedulerProcess: Sendable {
    private static let script = """
        exec 3<&0
        (read -r _ <&3; kill -KILL $$) >/dev/null 2>&1 &
        exec "$@" </dev/null 3<&-
        """

    private let process = Process()
    private let lifeline = Pipe()
    package let log: URL
    private let name: String

    package init(
        program: String, arguments: [String] = [], nats: String, log: URL, name: String = "scheduler", environment: [String: String] = [:]
    ) throws {
        self.log = log
        self.name = name
        try Data().write(to: log)
        let output = try FileHandle(forWritingTo: log)
        self.process.executableURL = URL(filePath: "/bin/sh")
        self.process.arguments = ["-c", Self.script, name, program] + arguments
        self.process.environment = ProcessInfo.processInfo.environment.merging(["PLANE_NATS__HOSTS": nats]) { $1 }.merging(environment) { $1 }
        self.process.standardInput = self.lifeline
        self.process.standardOutput = output
        self.process.standardError = output
        try self.process.run()
    }

    package var identifier: Int32 { self.process.processIdentifier }

    /// (Foundation takes a program for running as long as the shell beside it is.)
    package var isRunning: Bool {
        // "pid (name) state …"; a program that has ended is gone, or a zombie until Foundation notices.
        guard let status = try? String(contentsOfFile: "/proc/\(self.identifier)/stat", encoding: .utf8) else { return false }
        return status.split(separator: ")").last?.hasPrefix(" Z") == false
    }

    /// Whether it says that it serves.
    package var isReady: Bool {
        // A log that cannot be read says nothing.
        (try? String(contentsOf: self.log, encoding: .utf8))?.contains("\(self.name) is ready") ?? false
    }

    package func send(_ signal: Int32) { kill(self.process.processIdentifier, signal) }

    /// Returns when it serves; false if it does not within the limit, or ends.
    package func waitUntilReady(within limit: Duration = .seconds(30)) async -> Bool {
        let end = ContinuousClock.now + limit
        while !self.isReady {
            guard self.isRunning, .now < end, (try? await Task.sleep(for: .milliseconds(20))) != nil else { return false }
        }
        return true
    }

    /// Returns when it is gone.
    package func waitUntilEnded() async {
        while self.isRunning { guard (try? await Task.sleep(for: .milliseconds(20))) != nil else { return } }
        // So that the shell ends too.
        try? self.lifeline.fileHandleForWriting.close()
    }
}
