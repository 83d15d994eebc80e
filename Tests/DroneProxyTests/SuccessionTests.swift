import Foundation
import Glibc
import PlaneTestSupport
import Testing

@Suite("Taking the place of a proxy")
struct SuccessionTests {
    private static func number(after mark: String, in line: String) throws -> pid_t {
        let start = try #require(line.range(of: mark)).upperBound
        return try #require(pid_t(line[start...].prefix { $0.isNumber }))
    }

    /// The proxy as a program, told by the environment what to do; its first line is its number.
    /// - Parameter environment: added to that.
    private static func start(
        _ directory: TemporaryDirectory, port: UInt16, environment: [String: String] = [:]
    ) async throws -> TestProcess {
        let certificates = URL(filePath: directory.file("certificates"))
        try FileManager.default.createDirectory(at: certificates, withIntermediateDirectories: true)
        let pair = try await TestCertificates(in: certificates)
        let program = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "drone-proxy").path
        return try TestProcess(
            "/bin/sh", ["-c", "echo number=$$; exec \"$0\"", program],
            environment: [
                "PLANE_CLUSTER_DOMAIN": "plane.test", "PLANE_DRONE_ID": "drone-1", "PLANE_DB_PATH": directory.file("drone.sqlite3"),
                "PLANE_CERT__KEY_PATH": pair.path("server.key"), "PLANE_CERT__CERT_PATH": pair.path("server.pem"),
                "PLANE_PROXY__BIND_IP": "127.0.0.1", "PLANE_PROXY__HTTP_PORT": "\(try freeLoopbackPort())", "PLANE_PROXY__HTTPS_PORT": "\(port)",
            ].merging(environment) { $1 })
    }

    @Test("visitors who come back go on with their TLS sessions at the successor")
    func sessions() async throws {
        let directory = try TemporaryDirectory()
        let port = try freeLoopbackPort()
        let proxy = try await Self.start(directory, port: port)
        let number = try Self.number(after: "number=", in: await proxy.line(containing: "number="))
        try await proxy.line(containing: "drone-proxy is ready")
        /// What openssl says of the session, which it keeps in a file, or has from there.
        func ask(_ version: String, _ option: String) async throws -> String {
            let script = """
                printf 'GET / HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n' |
                    openssl s_client -connect 127.0.0.1:\(port) -\(version) -ign_eof \(option) \(directory.file(version)) 2>&1; echo
                """
            return try await TestProcess.run("/bin/sh", ["-c", script]).joined(separator: "\n")
        }
        for version in ["tls1_2", "tls1_3"] { #expect(try await ask(version, "-sess_out").contains("New, TLSv1.")) }
        kill(number, SIGHUP)
        let line = try await proxy.line(containing: "a successor has taken over")
        let successor = try Self.number(after: "successor=", in: line)
        defer { kill(successor, SIGTERM) }
        for version in ["tls1_2", "tls1_3"] { #expect(try await ask(version, "-sess_in").contains("Reused, TLSv1.")) }
        #expect(!proxy.log.joined().contains("error"))
    }

    @Test("a proxy that ends at once when it is replaced has told systemd of its successor before")
    func mainProcess() async throws {
        let directory = try TemporaryDirectory()
        let script = """
            import socket, sys
            manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            manager.bind(sys.argv[1])
            print("listening", flush=True)
            while True: print("told " + manager.recv(4096).decode().replace("\\n", " ") + ".", flush=True)
            """
        let manager = try TestProcess("python3", ["-c", script, directory.file("notify")])
        try await manager.line(containing: "listening")
        let proxy = try await Self.start(directory, port: try freeLoopbackPort(), environment: ["NOTIFY_SOCKET": directory.file("notify")])
        let number = try Self.number(after: "number=", in: await proxy.line(containing: "number="))
        try await manager.line(containing: "told READY=1 MAINPID=\(number).")
        kill(number, SIGHUP)
        let line = try await proxy.line(containing: "a successor has taken over")
        let successor = try Self.number(after: "successor=", in: line)
        defer { kill(successor, SIGTERM) }
        try await manager.line(containing: "told MAINPID=\(successor).")
    }
}
