import FoundationEssentials
import PlaneService

#if canImport(Glibc)
import Glibc
#endif

/// The process that takes our place: the same program, as its file is now, with the same arguments, and our listening sockets.
///
/// It inherits them as systemd would pass them on (sd_listen_fds(3)), and one end of a connection to us:
///
/// ```
///   successor: has read its configuration, opened the database …  ──"ready"──►
///   predecessor: takes no connections any more, new ones wait     ◄──"go", and what it knows of its visitors' TLS sessions ──
///   successor: takes them
/// ```
///
/// So no two processes take connections from one socket at once, and none is lost in between. Nothing else is inherited: a
/// connection of ours that lived on in the successor would never be closed.
struct SuccessorProcess {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Names the successor's end of the connection.
    static let connectionVariable = "DRONE_PROXY_PREDECESSOR_FD"

    let processID: pid_t
    /// Our end of it. Ours to close.
    private let connection: CInt

    /// - Parameter sockets: Descriptors with the names the successor will look for.
    static func start(_ sockets: [(name: String, descriptor: CInt)]) throws(Failure) -> SuccessorProcess {
        // A successor that ends before us leaves no zombie.
        signal(SIGCHLD, SIG_IGN)
        var ends: [CInt] = [0, 0]
        guard socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw Failure(description: "cannot make a connection to the successor: \(Self.reason(errno))")
        }
        defer { close(ends[1]) }

        // Moved out of the way of the numbers they get in the successor.
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
            let processID = try Self.spawn(sources, environment: Self.environment(for: sockets.map(\.name)))
            return SuccessorProcess(processID: processID, connection: ends[0])
        } catch {
            close(ends[0])
            throw error
        }
    }

    private static func spawn(_ sources: [CInt], environment: [String]) throws(Failure) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (index, source) in sources.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, source, ListeningSockets.firstDescriptor + CInt(index))
        }
        try Self.closeAll(from: ListeningSockets.firstDescriptor + CInt(sources.count), &actions)

        let path = Self.programPath()
        let arguments = CommandLine.arguments.map { strdup($0) } + [nil]
        let variables = environment.map { strdup($0) } + [nil]
        defer { for pointer in arguments + variables { free(pointer) } }
        var processID: pid_t = 0
        let result = posix_spawn(&processID, path, &actions, nil, arguments, variables)
        guard result == 0 else { throw Failure(description: "cannot start \(path): \(Self.reason(result))") }
        return processID
    }

    /// Every descriptor from this one on is closed in the successor, whoever opened it.
    private static func closeAll(from first: CInt, _ actions: inout posix_spawn_file_actions_t) throws(Failure) {
        // The header shows this function of glibc 2.34 to GNU's C dialect only.
        typealias AddCloseFrom = @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, CInt) -> CInt
        guard let symbol = dlsym(nil, "posix_spawn_file_actions_addclosefrom_np") else {
            throw Failure(description: "this system's C library cannot close descriptors for a successor; glibc 2.34 or later can")
        }
        let add = unsafeBitCast(symbol, to: AddCloseFrom.self)
        guard add(&actions, first) == 0 else { throw Failure(description: "descriptors cannot be closed for a successor") }
    }

    /// Where this program lies. An upgrade has put another file there, or will be taken for one.
    private static func programPath() -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        guard length > 0 else { return CommandLine.arguments.first ?? "" }
        let path = String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let mark = " (deleted)"
        return path.hasSuffix(mark) ? String(path.dropLast(mark.count)) : path
    }

    private static func environment(for names: [String]) -> [String] {
        var environment = ProcessInfo.processInfo.environment
        environment["LISTEN_PID"] = nil
        environment["LISTEN_FDS"] = "\(names.count)"
        environment["LISTEN_FDNAMES"] = names.joined(separator: ":")
        environment[ListeningSockets.predecessorVariable] = "\(getpid())"
        environment[Self.connectionVariable] = "\(ListeningSockets.firstDescriptor + CInt(names.count))"
        return environment.map { "\($0.key)=\($0.value)" }
    }

    /// Waits until the successor could take connections; false when it ended before, or is given up after `limit`. Blocks.
    func waitUntilReady(within limit: Duration) -> Bool {
        let milliseconds = CInt(clamping: limit.components.seconds * 1000)
        if Self.awaitByte(self.connection, milliseconds: milliseconds) { return true }
        close(self.connection)
        kill(self.processID, SIGKILL)
        return false
    }

    /// Bytes that are handed over, at most.
    private static let handedLimit = 256

    /// Lets the successor take connections; false when it has ended since it was ready.
    ///
    /// - Parameter handed: What it gets from us. A program of a version before reads only that it may go.
    func go(handing handed: [UInt8]) -> Bool {
        defer { close(self.connection) }
        let message = [1] + handed.prefix(Self.handedLimit)
        return send(self.connection, message, message.count, CInt(MSG_NOSIGNAL)) == message.count
    }

    /// In the successor: returns at once where there is no predecessor, otherwise when it has stopped taking connections, or has
    /// ended. Blocks.
    ///
    /// - Returns: What the predecessor hands over; nothing where there is none, or one of a version before.
    static func awaitTurn() -> [UInt8] {
        let environment = ProcessInfo.processInfo.environment
        guard environment[ListeningSockets.predecessorVariable] == "\(getppid())",
            let connection = environment[Self.connectionVariable].flatMap({ CInt($0) }), connection > 2
        else { return [] }
        defer { close(connection) }
        var byte: UInt8 = 1
        _ = send(connection, &byte, 1, CInt(MSG_NOSIGNAL))
        guard Self.awaitByte(connection, milliseconds: -1) else { return [] }
        // The rest was sent in the same moment.
        var handed = [UInt8](repeating: 0, count: Self.handedLimit)
        let count = recv(connection, &handed, handed.count, CInt(MSG_DONTWAIT))
        return Array(handed.prefix(max(0, count)))
    }

    /// False at the end of the connection, and when time is over; -1 waits for ever.
    private static func awaitByte(_ connection: CInt, milliseconds: CInt) -> Bool {
        while true {
            var event = pollfd(fd: connection, events: Int16(POLLIN), revents: 0)
            let count = poll(&event, 1, milliseconds)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            var byte: UInt8 = 0
            return recv(connection, &byte, 1, 0) == 1
        }
    }

    private static func reason(_ code: CInt) -> String { String(cString: strerror(code)) }
}
