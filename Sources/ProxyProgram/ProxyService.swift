import Dispatch
package import Logging
package import NIOCore
package import NetworkAddresses
package import PlaneService
package import ProxyCore
import LogKeys
import ServiceLifecycle
import Synchronization
import UnixSignals

/// Serves until the process is asked to stop, or until a successor has taken over; then waits for open requests to end.
package struct ProxyService: FinishingService {
    /// How long open requests may take after SIGTERM. Less than the limit of the service group, which cancels what is still running then.
    private static let drainLimit: TimeAmount = .seconds(20)
    /// A successor that does not listen after this time is given up, unless the program says otherwise.
    package static let successorLimit: Duration = .seconds(30)

    let program: String
    let server: ProxyServer
    /// Sockets that listen already, but from which no connections are accepted yet.
    let bound: [(listener: ProxyListener, socket: ListeningSocket)]
    let sockets: ListeningSockets
    /// Nil without HTTPS.
    let certificates: CertificateStore?
    /// Signals since before this process took over. The process that is told of its readiness may at once ask for the next successor or for the end, before
    /// it serves and before its service group handles signals.
    let reloads: UnixSignalsSequence
    let ends: UnixSignalsSequence
    /// After which time a replaced process closes open connections; nil never does.
    let replacedDeadline: TimeAmount?
    /// How long a successor may take until it can listen.
    let successorLimit: Duration
    let logger: Logger

    /// One socket on which the program listens.
    package struct Binding: Sendable {
        /// The name by which a successor finds the socket.
        package var name: String
        package var listener: ProxyListener
        package var endpoint: SocketEndpoint

        package init(name: String, listener: ProxyListener, endpoint: SocketEndpoint) {
            self.name = name
            self.listener = listener
            self.endpoint = endpoint
        }
    }

    /// Whether this process was started to replace another one, which serves until ``bind(_:program:server:sockets:certificates:replacedDeadline:logger:)``.
    package static var isSuccessor: Bool { SuccessorProcess.isExpected(.ofThisProcess) }

    /// Binds the sockets at once, so that a port in use is reported before anything is started.
    ///
    /// - Parameters:
    ///   - program: the name with which the log says that it is ready.
    ///   - certificates: their ticket key is handed from process to process; nil without HTTPS.
    ///   - replacedDeadline: after which time a replaced process closes open connections; nil never does.
    ///   - successorLimit: how long a successor may take until it can listen, with all that it has to read before.
    package static func bind(
        _ bindings: [Binding], program: String, server: ProxyServer, sockets: ListeningSockets, certificates: CertificateStore?,
        replacedDeadline: TimeAmount?, successorLimit: Duration = Self.successorLimit, logger: Logger
    ) async throws -> ProxyService {
        let bound = try Self.open(bindings, sockets)
        // Not earlier: before this, SIGTERM ends the process at once, which nobody uses yet.
        let reloads = await UnixSignalsSequence(trapping: .sighup)
        let ends = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        let handed = await Self.offTheLoop { SuccessorProcess.awaitTurn(.ofThisProcess) }
        if let key = TicketKey(encoded: handed) { certificates?.adopt(key) }
        let unwanted = sockets.closeUnwanted()
        if !unwanted.isEmpty {
            logger.warning(
                "sockets were passed to this process that its configuration has no use for",
                metadata: [LogKey.port: "\(unwanted.joined(separator: ", "))"])
        }
        return ProxyService(
            program: program, server: server, bound: bound, sockets: sockets, certificates: certificates, reloads: reloads, ends: ends,
            replacedDeadline: replacedDeadline, successorLimit: successorLimit, logger: logger)
    }

    /// This is a function of its own, because in `bind`, which is asynchronous, it makes the optimizer of Swift 6.3 crash.
    private static func open(_ bindings: [Binding], _ sockets: ListeningSockets) throws -> [(ProxyListener, ListeningSocket)] {
        var bound: [(ProxyListener, ListeningSocket)] = []
        for binding in bindings {
            let socket: ListeningSocket =
                if let inherited = sockets.inherited(binding.name, at: binding.endpoint) { ListeningSocket(inheriting: inherited) } else {
                    try ListeningSocket(
                        listeningOn: try SocketAddress(ipAddress: binding.endpoint.ip.description, port: Int(binding.endpoint.port)))
                }
            sockets.hold(binding.name, socket.descriptor)
            bound.append((binding.listener, socket))
        }
        return bound
    }

    package func run() async throws {
        let listeners = try await self.listen()
        ServiceNotification.ready()
        let isReplaced = await withTaskGroup(of: Bool.self) { group in
            group.addTask { await self.awaitReplacement(listeners) }
            group.addTask {
                // Whether the task is cancelled or shut down in order, nothing replaces this process.
                try? await gracefulShutdown()
                return false
            }
            group.addTask {
                for await _ in self.ends { break }
                return false
            }
            let isReplaced = await group.next() ?? false
            group.cancelAll()
            return isReplaced
        }
        // A replaced process has stopped listening before.
        for listener in listeners where !isReplaced { await self.server.stopListening(listener) }
        // Also done without a successor: no connection may wait in the queue of a process that is about to end.
        self.sockets.handOver()
        if isReplaced {
            await withTaskCancellationOrGracefulShutdownHandler {
                await self.server.serveOut(within: self.replacedDeadline)
            } onCancelOrGracefulShutdown: {
                self.server.stopServingOut()
            }
        }
        try await self.server.shutDown(within: Self.drainLimit)
    }

    /// Begins to accept connections.
    private func listen() async throws -> [OpenListener] {
        var listeners: [OpenListener] = []
        for (listener, socket) in self.bound { listeners.append(try await self.server.listen(listener, on: socket)) }
        let ports = listeners.map { "\($0.address.port ?? 0)" }.joined(separator: ", ")
        self.logger.info("\(self.program) is ready", metadata: [LogKey.port: "\(ports)"])
        return listeners
    }

    /// Starts a successor at every SIGHUP; true once one has taken over.
    private func awaitReplacement(_ listeners: [OpenListener]) async -> Bool {
        for await _ in self.reloads where await self.replace(listeners) { return true }
        return false
    }

    private func replace(_ listeners: [OpenListener]) async -> Bool {
        self.logger.info("starting a successor")
        do {
            let successor = try SuccessorProcess.start(.ofThisProcess, handing: self.sockets.held)
            guard await self.isReady(successor) else {
                // This process is to end, and has given the successor up.
                if Task.isCancelled { return false }
                self.logger.error("the successor did not get ready, this process goes on; its own log says why")
                return false
            }
            for listener in listeners { await self.server.stopListening(listener) }
            guard successor.go(handing: self.certificates?.ticketKey.encoded ?? []) else {
                self.logger.critical("the successor ended in the moment of taking over, this process ends too")
                return true
            }
            ServiceNotification.replaced(by: successor.processID)
            self.logger.info(
                "a successor has taken over, serving what is open to its end", metadata: [LogKey.successor: "\(successor.processID)"])
            return true
        } catch {
            self.logger.error("no successor could be started, this process goes on", metadata: [LogKey.error: "\(error)"])
            return false
        }
    }

    /// Waits for the successor, until this process is to end.
    private func isReady(_ successor: SuccessorProcess) async -> Bool {
        let isGivenUp = GivenUp()
        let limit = self.successorLimit
        return await withTaskCancellationHandler {
            await Self.offTheLoop { successor.waitUntilReady(within: limit) { isGivenUp.flag.load(ordering: .relaxed) } }
        } onCancel: {
            isGivenUp.flag.store(true, ordering: .relaxed)
        }
    }

    /// Runs a function that may block on a thread of its own.
    private static func offTheLoop<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: body()) }
        }
    }
}

/// Whether nobody waits for a successor any more.
private final class GivenUp: Sendable {
    let flag = Atomic(false)
}
