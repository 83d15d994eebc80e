import FoundationEssentials
package import NetworkAddresses
import PlaneProtocol
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// The listening sockets of this process: those it was given at its start, by systemd (sd_listen_fds(3)) or by the process whose
/// place it takes, and those it hands on to the process that will take its own.
///
/// There is one of these per process, as there is one table of descriptors.
package final class ListeningSockets: Sendable {
    package static let ofThisProcess = ListeningSockets(
        inherited: inheritedSockets(ProcessInfo.processInfo.environment, processID: getpid(), parentID: getppid()))

    /// Says to a successor which process started it, and so that the sockets in its environment are meant for it.
    package static let predecessorVariable = "DRONE_PROXY_PREDECESSOR"
    /// The first descriptor that is handed on (SD_LISTEN_FDS_START).
    package static let firstDescriptor: CInt = 3

    /// Under this name a successor gets sockets that systemd has passed to this process, or to one before it.
    private static let systemdName = "systemd"

    package struct Inherited: Hashable, Sendable {
        package var name: String
        package var descriptor: CInt
        /// systemd holds it too, whatever becomes of it here.
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
        /// Descriptors.
        var heldBySystemd: Set<CInt>
        var whenHandedOver: [@Sendable () -> Void] = []
    }

    private let state: Mutex<State>

    package init(inherited: [Inherited]) {
        self.state = Mutex(State(inherited: inherited, heldBySystemd: Set(inherited.filter(\.isHeldBySystemd).map(\.descriptor))))
    }

    /// What the environment says of sockets for this process; nothing when it speaks to another one.
    package static func inheritedSockets(_ environment: [String: String], processID: Int32, parentID: Int32) -> [Inherited] {
        let isFromSystemd = environment["LISTEN_PID"] == "\(processID)"
        let isMeant = isFromSystemd || environment[Self.predecessorVariable] == "\(parentID)"
        guard isMeant, let count = environment["LISTEN_FDS"].flatMap({ CInt($0) }), (1...64).contains(count) else { return [] }
        let names = (environment["LISTEN_FDNAMES"] ?? "").split(separator: ":", omittingEmptySubsequences: false)
        return (0..<count).map { index in
            let descriptor = Self.firstDescriptor + index
            // Programs we start have no business with it.
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            let name = names.indices.contains(Int(index)) ? String(names[Int(index)]) : ""
            return Inherited(name: name, descriptor: descriptor, isHeldBySystemd: isFromSystemd || name == Self.systemdName)
        }
    }

    /// An inherited socket that listens where `endpoint` says; with port 0, which says nothing, the one of this name.
    package func inherited(_ name: String, at endpoint: SocketEndpoint) -> CInt? {
        self.state.withLock { state in
            let index = state.inherited.firstIndex { socket in
                endpoint.port == 0 ? socket.name == name : SocketEndpoint(localEndOf: socket.descriptor) == endpoint
            }
            guard let index else { return nil }
            return state.inherited.remove(at: index).descriptor
        }
    }

    /// Keeps a socket for a successor, which will know it by this name. It is ours from now on; a channel uses a duplicate.
    package func hold(_ name: String, _ descriptor: CInt) {
        self.state.withLock { $0.held.append(($0.heldBySystemd.contains(descriptor) ? Self.systemdName : name, descriptor)) }
    }

    package var held: [(name: String, descriptor: CInt)] { self.state.withLock { $0.held } }

    /// Calls `body` when a successor has taken over, so that its connections are not taken from it.
    package func whenHandedOver(_ body: @escaping @Sendable () -> Void) {
        self.state.withLock { $0.whenHandedOver.append(body) }
    }

    /// A successor listens: lets go of everything held.
    package func handOver() {
        let (held, bodies) = self.state.withLock { state in
            defer { (state.held, state.whenHandedOver) = ([], []) }
            return (state.held, state.whenHandedOver)
        }
        for body in bodies { body() }
        for socket in held { close(socket.descriptor) }
    }

    /// Closes what was inherited and nobody wanted: otherwise connections would wait there for ever. They do so anyway where systemd
    /// holds the socket too; those are kept for a successor, who could not listen there otherwise.
    ///
    /// - Returns: Where those sockets listen.
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
