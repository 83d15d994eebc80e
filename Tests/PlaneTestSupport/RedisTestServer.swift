import Foundation

/// A redis-server, or a sentinel, of one test's own, which keeps nothing on disk.
package final class RedisTestServer: Sendable {
    package let port: UInt16
    private let directory: TemporaryDirectory
    private let process: TestProcess
    private let password: String?

    /// - Parameters:
    ///   - port: Where it listens; a new one if not given.
    ///   - password: Asked for by AUTH.
    ///   - options: As on the command line.
    package static func start(port: UInt16? = nil, password: String? = nil, options: [String] = []) async throws -> RedisTestServer {
        let server = try RedisTestServer(port: port ?? freeLoopbackPort(), password: password, options: options)
        try await server.process.line(containing: "Ready to accept connections")
        return server
    }

    private init(port: UInt16, password: String?, options: [String]) throws {
        self.port = port
        self.password = password
        self.directory = try TemporaryDirectory()
        let secret = password.map { ["--requirepass", $0] } ?? []
        self.process = try TestProcess(
            "/usr/bin/env",
            [
                "redis-server", "--port", "\(port)", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", self.directory.path,
                "--unixsocket", self.directory.file("redis.sock"), "--daemonize", "no", "--logfile", "",
            ] + secret + options)
    }

    package var socketPath: String { self.directory.file("redis.sock") }

    /// Runs one command with redis-cli.
    @discardableResult
    package func command(_ arguments: String..., database: Int = 0) async throws -> [String] {
        let secret = self.password.map { ["-a", $0, "--no-auth-warning"] } ?? []
        return try await TestProcess.run("/usr/bin/env", ["redis-cli", "-h", "127.0.0.1", "-p", "\(self.port)", "-n", "\(database)"] + secret + arguments)
    }

    @discardableResult
    package func stop(_ signal: TestProcess.Signal = .kill) async -> Int32 { await self.process.stop(signal) }

    /// Lets it hang: its kernel takes connections and bytes, and nobody answers.
    package func hang() { self.process.signal(.stop) }
    package func goOn() { self.process.signal(.goOn) }

    /// A sentinel that watches this server by the name `mymaster`, and takes it for dead after half a second.
    package func sentinel() async throws -> RedisTestSentinel { try await RedisTestSentinel.start(masterPort: self.port) }
}

package final class RedisTestSentinel: Sendable {
    package let port: UInt16
    private let directory: TemporaryDirectory
    private let process: TestProcess

    static func start(masterPort: UInt16) async throws -> RedisTestSentinel {
        let sentinel = try RedisTestSentinel(masterPort: masterPort)
        try await sentinel.process.line(containing: "+monitor master mymaster")
        return sentinel
    }

    private init(masterPort: UInt16) throws {
        self.port = try freeLoopbackPort()
        self.directory = try TemporaryDirectory()
        let file = self.directory.file("sentinel.conf")
        let lines = [
            "port \(self.port)", "bind 127.0.0.1", "dir \(self.directory.path)", "sentinel monitor mymaster 127.0.0.1 \(masterPort) 1",
            "sentinel down-after-milliseconds mymaster 500", "sentinel failover-timeout mymaster 2000",
        ]
        try (lines.joined(separator: "\n") + "\n").write(toFile: file, atomically: true, encoding: .utf8)
        self.process = try TestProcess("/usr/bin/env", ["redis-sentinel", file])
    }

    /// The port of the master, as it is known.
    package func masterPort() async throws -> String? {
        let lines = try await TestProcess.run(
            "/usr/bin/env", ["redis-cli", "-p", "\(self.port)", "SENTINEL", "get-master-addr-by-name", "mymaster"])
        return lines.last
    }

    /// Replicas of the master that it has found.
    package func replicaCount() async throws -> Int {
        let lines = try await TestProcess.run("/usr/bin/env", ["redis-cli", "-p", "\(self.port)", "SENTINEL", "replicas", "mymaster"])
        return lines.count { $0 == "name" }
    }
}
