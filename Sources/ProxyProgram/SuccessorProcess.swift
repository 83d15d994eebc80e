import CSpawn
import PlaneService

#if canImport(Glibc)
import Glibc
#endif

/// The process that takes this one's place: the same program, as its file is now, with the same arguments, and the same listening sockets.
///
/// It inherits the listening sockets as systemd would pass them on (sd_listen_fds(3)), and one end of a connection to its predecessor:
///
/// ```
///   successor: has read its configuration, opened the database …  ──"ready"──►
///   predecessor: takes no connections any more, new ones wait     ◄──"go", and the key of its visitors' TLS sessions ──
///   successor: takes the connections
/// ```
///
/// So no two processes take connections from one socket at once, and none is lost in between. Nothing else is inherited: a connection of the
/// predecessor that stayed open in the successor would never be closed.
struct SuccessorProcess {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// The environment variable with the successor's end of the connection.
    static let connectionVariable = "DRONE_PROXY_PREDECESSOR_FD"
    /// How many bytes a predecessor hands over at most.
    private static let handedLimit = 256
    /// So long is waited between two looks at whether the successor is still wanted.
    private static let slice: Duration = .milliseconds(100)

    let processID: pid_t
    /// The predecessor's end of the connection. Closed when the successor has been told to serve, or is given up.
    private let connection: CInt

    // MARK: In the predecessor

    /// Starts a successor. The caller has to ignore SIGCHLD or to wait for the process.
    ///
    /// - Parameters:
    ///   - invocation: how the process that is replaced was started.
    ///   - sockets: descriptors with the names by which the successor finds them.
    static func start(
        _ invocation: ProgramInvocation, handing sockets: [(name: String, descriptor: CInt)]
    ) throws(Failure) -> SuccessorProcess {
        var ends: [CInt] = [0, 0]
        guard socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw Failure(description: "cannot make a connection to the successor: \(Self.reason(errno))")
        }
        defer { close(ends[1]) }

        // Duplicates with numbers that do not collide with those in the successor.
        var sources: [CInt] = []
        defer { for source in sources { close(source) } }
        for descriptor in sockets.map(\.descriptor) + [ends[1]] {
            let source = fcntl(descriptor, F_DUPFD_CLOEXEC, 100)
            guard source >= 0 else {
                close(ends[0])
                throw Failure(description: "cannot duplicate a descriptor: \(Self.reason(errno))")
            }
            sources.append(source)
        }
        do throws(Failure) {
            let processID = try Self.spawn(
                invocation, sources, environment: Self.environment(invocation, sockets: sockets.map(\.name)))
            return SuccessorProcess(processID: processID, connection: ends[0])
        } catch {
            close(ends[0])
            throw error
        }
    }

    private static func spawn(
        _ invocation: ProgramInvocation, _ sources: [CInt], environment: [String: String]
    ) throws(Failure) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (index, source) in sources.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, source, ListeningSockets.firstDescriptor + CInt(index))
        }
        // All other descriptors are closed in the successor, whoever has opened them.
        guard cspawn_close_from(&actions, ListeningSockets.firstDescriptor + CInt(sources.count)) == 0 else {
            throw Failure(description: "descriptors cannot be closed for a successor")
        }
        let arguments = invocation.arguments.map { strdup($0) } + [nil]
        let variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in arguments + variables { free(pointer) } }
        var processID: pid_t = 0
        let result = posix_spawn(&processID, invocation.path, &actions, nil, arguments, variables)
        guard result == 0 else { throw Failure(description: "cannot start \(invocation.path): \(Self.reason(result))") }
        return processID
    }

    private static func environment(_ invocation: ProgramInvocation, sockets names: [String]) -> [String: String] {
        var environment = invocation.environment
        environment["LISTEN_PID"] = nil
        environment["LISTEN_FDS"] = "\(names.count)"
        environment["LISTEN_FDNAMES"] = names.joined(separator: ":")
        environment[ListeningSockets.predecessorVariable] = "\(invocation.processID)"
        environment[Self.connectionVariable] = "\(ListeningSockets.firstDescriptor + CInt(names.count))"
        return environment
    }

    /// Waits until the successor can accept connections. False if it has ended, or was not ready after `limit` or when it was given up, and was killed. Blocks.
    ///
    /// - Parameter isGivenUp: asked several times a second.
    func waitUntilReady(within limit: Duration, unless isGivenUp: () -> Bool = { false }) -> Bool {
        let deadline = ContinuousClock.now + limit
        while !isGivenUp() {
            let slice = min(max(deadline - .now, .zero), Self.slice)
            switch Self.awaitByte(self.connection, milliseconds: CInt(slice / .milliseconds(1))) {
            case .byte: return true
            case .timedOut where deadline > .now: continue
            case .timedOut, .ended: break
            }
            break
        }
        close(self.connection)
        kill(self.processID, SIGKILL)
        return false
    }

    /// Lets the successor accept connections; false if it has ended since it was ready.
    ///
    /// - Parameter handed: what the successor gets, 256 bytes at most. A program of an older version ignores all but the first byte.
    func go(handing handed: [UInt8]) -> Bool {
        defer { close(self.connection) }
        guard !self.hasEnded else { return false }
        let message = [1] + handed.prefix(Self.handedLimit)
        return send(self.connection, message, message.count, CInt(MSG_NOSIGNAL)) == message.count
    }

    /// Asked of the system, not of the connection: any process that was started meanwhile may hold the other end for a moment, and what a successor
    /// started itself for longer. waitid(2) leaves the process to whoever waits for it; it knows none any more where SIGCHLD is ignored.
    private var hasEnded: Bool {
        var information = siginfo_t()
        let options = WEXITED | WNOHANG | WNOWAIT
        while waitid(P_PID, id_t(self.processID), &information, options) != 0 {
            if errno != EINTR { return true }
        }
        return information._sifields._kill.si_pid == self.processID
    }

    // MARK: In the successor

    /// Whether this process was started to replace another one.
    static func isExpected(_ invocation: ProgramInvocation) -> Bool {
        invocation.environment[ListeningSockets.predecessorVariable] == "\(invocation.parentID)" && invocation.environment[Self.connectionVariable] != nil
    }

    /// Reports that this process is ready, and waits until the predecessor has stopped accepting connections, or has ended. Returns at once in a process
    /// without a predecessor. Blocks.
    ///
    /// - Returns: what the predecessor hands over; nothing without a predecessor, or from one of an older version.
    static func awaitTurn(_ invocation: ProgramInvocation) -> [UInt8] {
        let environment = invocation.environment
        guard environment[ListeningSockets.predecessorVariable] == "\(invocation.parentID)",
            let connection = environment[Self.connectionVariable].flatMap({ CInt($0) }), connection > 2
        else { return [] }
        defer { close(connection) }
        var byte: UInt8 = 1
        _ = send(connection, &byte, 1, CInt(MSG_NOSIGNAL))
        guard Self.awaitByte(connection, milliseconds: -1) == .byte else { return [] }
        // The rest was sent together with the first byte.
        var handed = [UInt8](repeating: 0, count: Self.handedLimit)
        let count = recv(connection, &handed, handed.count, CInt(MSG_DONTWAIT))
        return Array(handed.prefix(max(0, count)))
    }

    private enum Awaited { case byte, ended, timedOut }

    /// - Parameter milliseconds: -1 waits without a limit.
    private static func awaitByte(_ connection: CInt, milliseconds: CInt) -> Awaited {
        while true {
            var event = pollfd(fd: connection, events: Int16(POLLIN), revents: 0)
            let count = poll(&event, 1, milliseconds)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return count == 0 ? .timedOut : .ended }
            var byte: UInt8 = 0
            return recv(connection, &byte, 1, 0) == 1 ? .byte : .ended
        }
    }

    private static func reason(_ code: CInt) -> String { String(cString: strerror(code)) }
}
