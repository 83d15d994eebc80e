import Foundation
import Glibc
import PlaneService
import PlaneTestSupport
import Testing

@testable import ProxyProgram

/// A shell in the successor's place: what it was given, and what its predecessor makes of what it does.
@Suite("Starting the process that takes a proxy's place")
struct SuccessorProcessTests {
    private let directory: TemporaryDirectory

    init() throws {
        self.directory = try TemporaryDirectory()
    }

    /// A process whose successor runs this script, in which descriptor 3 is the first socket.
    private func invocation(_ script: String) -> ProgramInvocation {
        ProgramInvocation(
            path: "/bin/sh", arguments: ["sh", "-c", script],
            environment: ["PATH": "/usr/bin:/bin", "OUT": self.directory.file("out"), "LISTEN_PID": "1"], processID: getpid(), parentID: getppid())
    }

    private func output(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(filePath: self.directory.file(name))))
    }

    /// How the process ended, as waitpid(2) tells it.
    private func end(of process: pid_t) -> CInt {
        var status: CInt = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        return status
    }

    private func socket() throws -> CInt {
        let descriptor = Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        try #require(descriptor >= 0)
        return descriptor
    }

    private func link(of descriptor: CInt) throws -> String {
        try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(descriptor)")
    }

    @Test("it inherits the sockets in their order with their names and one end of a connection, and nothing else; it gets what is handed over")
    func inherits() throws {
        let sockets = [try self.socket(), try self.socket()]
        defer { for socket in sockets { close(socket) } }
        let successor = try SuccessorProcess.start(
            self.invocation(
                """
                exec > "$OUT"
                echo "$LISTEN_FDS $LISTEN_FDNAMES ${LISTEN_PID-none} $DRONE_PROXY_PREDECESSOR $DRONE_PROXY_PREDECESSOR_FD"
                ls /proc/$$/fd
                readlink /proc/$$/fd/3 /proc/$$/fd/4
                printf '\\001' >&5
                head -c 4 <&5 > "$OUT.handed"
                """), handing: [("https", sockets[0]), ("http", sockets[1])])
        #expect(successor.waitUntilReady(within: .seconds(20)))
        let lines = String(decoding: try self.output("out"), as: UTF8.self).split(separator: "\n").map(String.init)
        #expect(lines.first == "2 https:http none \(getpid()) 5")
        #expect(lines.dropFirst().prefix(6) == ["0", "1", "2", "3", "4", "5"])
        #expect(try lines.dropFirst(7) == [self.link(of: sockets[0]), self.link(of: sockets[1])])
        #expect(successor.go(handing: [7, 8, 9]))
        #expect(self.end(of: successor.processID) == 0)
        #expect(try self.output("out.handed") == [1, 7, 8, 9])
    }

    @Test("one that ends before it is ready is not waited for any longer")
    func endsEarly() throws {
        let successor = try SuccessorProcess.start(self.invocation("exit 0"), handing: [])
        #expect(!successor.waitUntilReady(within: .seconds(20)))
        #expect(self.end(of: successor.processID) == 0)
    }

    @Test("one that is not ready in time is killed")
    func late() throws {
        let successor = try SuccessorProcess.start(self.invocation("read line <&3"), handing: [])
        #expect(!successor.waitUntilReady(within: .milliseconds(50)))
        #expect(self.end(of: successor.processID) == SIGKILL)
    }

    @Test(
        "one that has ended since it was ready does not take over, whoever holds its end of the connection",
        arguments: ["printf '\\001' >&3", "printf '\\001' >&3; head -c 1 <&3 >\"$OUT\" &"])
    func endsLate(script: String) throws {
        let successor = try SuccessorProcess.start(self.invocation(script), handing: [])
        #expect(successor.waitUntilReady(within: .seconds(20)))
        #expect(self.end(of: successor.processID) == 0)
        #expect(!successor.go(handing: [7]))
    }

    @Test("a program that cannot be started is named")
    func noProgram() throws {
        var invocation = self.invocation("")
        invocation.path = "/nonexistent/proxy"
        let failure = #expect(throws: SuccessorProcess.Failure.self) { try SuccessorProcess.start(invocation, handing: []) }
        #expect(failure?.description.contains("/nonexistent/proxy") == true)
    }

    /// The two ends of a connection between a predecessor and this process, and how this process was started then.
    private func connection() throws -> (predecessor: CInt, ProgramInvocation) {
        var ends: [CInt] = [0, 0]
        try #require(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0, &ends) == 0)
        var invocation = ProgramInvocation.ofThisProcess
        invocation.environment[ListeningSockets.predecessorVariable] = "\(getppid())"
        invocation.environment[SuccessorProcess.connectionVariable] = "\(ends[1])"
        return (ends[0], invocation)
    }

    @Test("a successor says that it is ready, and has its turn when its predecessor says so or has ended", arguments: [[1, 7, 8], [1], []] as [[UInt8]])
    func awaitsTurn(message: [UInt8]) throws {
        let (predecessor, invocation) = try self.connection()
        if message.isEmpty { shutdown(predecessor, CInt(SHUT_WR)) } else { _ = send(predecessor, message, message.count, 0) }
        #expect(SuccessorProcess.awaitTurn(invocation) == Array(message.dropFirst()))
        var bytes = [UInt8](repeating: 0, count: 8)
        #expect(recv(predecessor, &bytes, 8, 0) == 1 && bytes[0] == 1)
        #expect(recv(predecessor, &bytes, 8, 0) == 0, "the connection is closed")
        close(predecessor)
    }

    @Test("a process that only inherits the environment of a successor waits for nobody")
    func notMeant() throws {
        let (predecessor, original) = try self.connection()
        var invocation = original
        invocation.parentID += 1
        #expect(SuccessorProcess.awaitTurn(invocation) == [])
        var byte: UInt8 = 0
        #expect(recv(predecessor, &byte, 1, CInt(MSG_DONTWAIT)) == -1)
        close(predecessor)
    }
}
