import FoundationEssentials
package import NetworkAddresses
import PlaneProtocol
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// The listening sockets of this process: those it was given at its start, by systemd (sd_listen_fds(3)) or by the process that it replaces, and those that
/// it will hand to its successor.
///
/// There is only one object of this class in a process.
package final class ListeningSockets: Sendable {
    package static let ofThisProcess = ListeningSockets(
        inherited: inheritedSockets(ProcessInfo.processInfo.environment, processID: getpid(), parentID: getppid()))

    /// The environment variable with the id of the process that has started a successor, which shows that the sockets in its environment are meant for it.
    package static let predecessorVariable = "DRONE_PROXY_PREDECESSOR"
    /// The first descriptor that is handed on (SD_LISTEN_FDS_START).
    package static let firstDescriptor: CInt = 3

    /// The name of sockets that systemd has passed to this process or to one before it.
    private static let systemdName = "systemd"

    package struct Inherited: Hashable, Sendable {
        package var name: String
        package var descriptor: CInt
        /// Whether systemd holds the socket, too, so that it stays open when it is closed here.
        package var isHeldBySystemd: Bool

        package init(name: String, descriptor: CInt, isHeldBySystemd: Bool) {
            self.name = name
            self.descriptor = descriptor
            self.isHeldBySystemd = isHeldBySystemd
        }
    }

    private struct State {
        var inherited: [Inherited]
        var held: [(name: String, descriptor: CInt)] = []
        /// The descriptors of sockets that systemd also holds.
        var heldBySystemd: Set<CInt>
        var whenHandedOver: [@Sendable () -> Void] = []
    }

    private let state: Mutex<State>

    package init(inherited: [Inherited]) {
        self.state = Mutex(State(inherited: inherited, heldBySystemd: Set(inherited.filter(\.isHeldBySystemd).map(\.descriptor))))
    }

    /// The sockets in the environment that are meant for this process; none if they are meant for another one.
    package static func inheritedSockets(_ environment: [String: String], processID: Int32, parentID: Int32) -> [Inherited] {
        let isFromSystemd = environment["LISTEN_PID"] == "\(processID)"
        let isMeant = isFromSystemd || environment[Self.predecessorVariable] == "\(parentID)"
        guard isMeant, let count = environment["LISTEN_FDS"].flatMap({ CInt($0) }), (1...64).contains(count) else { return [] }
        let names = (environment["LISTEN_FDNAMES"] ?? "").split(separator: ":", omittingEmptySubsequences: false)
        return (0..<count).map { index in
            let descriptor = Self.firstDescriptor + index
            // Programs that this process starts must not inherit the descriptor.
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            let name = names.indices.contains(Int(index)) ? String(names[Int(index)]) : ""
            return Inherited(name: name, descriptor: descriptor, isHeldBySystemd: isFromSystemd || name == Self.systemdName)
        }
    }

    /// The inherited socket with this address; if the port is 0, the one with this name.
    package func inherited(_ name: String, at endpoint: SocketEndpoint) -> CInt? {
        self.state.withLock { state in
            let index = state.inherited.firstIndex { socket in
                endpoint.port == 0 ? socket.name == name : SocketEndpoint(localEndOf: socket.descriptor) == endpoint
            }
            guard let index else { return nil }
            return state.inherited.remove(at: index).descriptor
        }
    }

    /// Keeps a socket for a successor under this name. It owns the descriptor from now on; a channel uses a duplicate.
    package func hold(_ name: String, _ descriptor: CInt) {
        self.state.withLock { $0.held.append(($0.heldBySystemd.contains(descriptor) ? Self.systemdName : name, descriptor)) }
    }

    package var held: [(name: String, descriptor: CInt)] { self.state.withLock { $0.held } }

    /// Calls `body` when a successor has taken over, so that this process takes no more of its connections.
    package func whenHandedOver(_ body: @escaping @Sendable () -> Void) {
        self.state.withLock { $0.whenHandedOver.append(body) }
    }

    /// Called when a successor listens: closes all held sockets.
    package func handOver() {
        let (held, bodies) = self.state.withLock { state in
            defer { (state.held, state.whenHandedOver) = ([], []) }
            return (state.held, state.whenHandedOver)
        }
        for body in bodies { body() }
        for socket in held { close(socket.descriptor) }
    }

    /// Closes inherited sockets that nobody uses, since connections would wait there for ever. Sockets that systemd also holds are kept for a successor,
    /// which could not listen there otherwise.
    ///
    /// - Returns: the addresses of those sockets.
    package func closeUnwanted() -> [String] {
        let unwanted = self.state.withLock { state in
            defer { state.inherited = [] }
            return state.inherited
        }
        return unwanted.map { socket in
            defer { if socket.isHeldBySystemd { self.hold(socket.name, socket.descriptor) } else { close(socket.descriptor) } }
            return SocketEndpoint(localEndOf: socket.descriptor)?.description ?? socket.name
        }
    }
}
