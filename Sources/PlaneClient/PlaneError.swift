package import NATS
package import PlaneMessaging
package import PlaneProtocol

/// Why something that was asked of Plane was not done.
///
/// `fault` says whose turn it is, `isRetryable` whether the same call may succeed later, and `mayHaveTakenEffect` whether a request may have
/// been carried out all the same; a caller decides by these and never by texts.
package enum PlaneError: Error, Sendable {
    /// Who was expected to answer a request.
    package enum Responder: Hashable, Sendable {
        case scheduler
        case agent(DroneID)
        case anyAgent(ClusterName)
    }

    /// Nobody answered, or the request could not be sent.
    case notAnswered(NATSError, by: Responder)
    /// A stream or subject could not be read or written.
    case connection(NATSError)
    /// The connection ended while something was awaited.
    case connectionEnded
    /// Somebody answered that they did not do it.
    case refused(ErrorReply)
    /// Somebody answered something that does not belong to the request.
    case unreadableReply(MessageError)
    /// No drone of the cluster can take the backend now.
    /// - Parameter reason: what the last drone that was asked said, or why the scheduler asked none.
    case noDroneAvailable(ClusterName, reason: ErrorReply?)
    /// Nothing is known of the backend; with a cluster, nothing there.
    case unknownBackend(BackendID, ClusterName?)
    /// Several backends' ids begin like this; those that run come first.
    case ambiguousBackend(BackendID, [BackendID])
    /// The backend ended before it was ready.
    case endedBeforeReady(BackendStateMessage)
    /// The backend was not ready in time; it goes on by itself.
    case notReadyInTime(BackendID, BackendState?, limit: Duration)
    /// Somebody let the drone take backends again.
    case drainCancelled(DroneID)
    /// What was awaited did not come in time.
    /// - Parameter work: what took so long, as in "waiting for the end of b1".
    case timedOut(work: String, limit: Duration)
    /// The calling task was cancelled.
    case cancelled
}

extension PlaneError {
    package init(_ error: NATSError) {
        self = error.code == .cancelled ? .cancelled : .connection(error)
    }

    package init(_ failure: BusRequestError, of responder: Responder) {
        switch failure {
        case .transport(let error) where error.code == .cancelled: self = .cancelled
        case .transport(let error): self = .notAnswered(error, by: responder)
        case .refused(let reply): self = .refused(reply)
        case .unreadable(let error): self = .unreadableReply(error)
        }
    }
}

// MARK: - What to do about it

extension PlaneError {
    package enum Fault: Hashable, Sendable {
        /// The request is wrong, or forbidden: another one may succeed.
        case request
        /// What was to be run does not run.
        case backend
        /// Plane, a drone or NATS cannot do it now.
        case system
        /// Nobody's: the caller gave up.
        case nobody
    }

    package var fault: Fault {
        switch self {
        case .refused(let reply):
            switch reply.code {
            case .badRequest, .notPermitted, .backendExists: .request
            default: .system
            }
        case .connection(let error), .notAnswered(let error, by: _):
            switch error.code {
            case .invalidSubject, .payloadTooLarge, .invalidConfiguration: .request
            default: .system
            }
        case .unknownBackend, .ambiguousBackend: .request
        case .endedBeforeReady(let message): message.state == .lost ? .system : .backend
        case .notReadyInTime: .backend
        case .connectionEnded, .unreadableReply, .noDroneAvailable, .timedOut: .system
        case .drainCancelled, .cancelled: .nobody
        }
    }

    /// Whether the same call may succeed later without anybody changing the request. What `mayHaveTakenEffect` may only be repeated where
    /// that is harmless, as it is with a backend id in a schedule request.
    package var isRetryable: Bool {
        switch self {
        case .refused(let reply): [.lockBusy, .unavailable, .full, .draining].contains(reply.code)
        case .connection(let error), .notAnswered(let error, by: _): error.isRetryable
        case .noDroneAvailable, .timedOut, .notReadyInTime: true
        case .connectionEnded, .unreadableReply, .unknownBackend, .ambiguousBackend, .endedBeforeReady, .drainCancelled, .cancelled: false
        }
    }

    /// Whether a request may have been carried out although no answer came.
    package var mayHaveTakenEffect: Bool {
        switch self {
        case .notAnswered(let error, by: _): error.code == .timedOut || error.code == .disconnected
        case .unreadableReply, .cancelled: true
        case .connection, .connectionEnded, .refused, .noDroneAvailable, .unknownBackend, .ambiguousBackend, .endedBeforeReady,
            .notReadyInTime, .drainCancelled, .timedOut:
            false
        }
    }
}

extension PlaneError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notAnswered(let error, by: let responder): "no answer from \(responder): \(error)"
        case .connection(let error): "\(error)"
        case .connectionEnded: "the connection to NATS has ended"
        case .refused(let reply): "refused, \(reply)"
        case .unreadableReply(let error): "unreadable reply: \(error)"
        case .noDroneAvailable(let cluster, let reason):
            "no drone of \(cluster) can take the backend" + (reason.map { ": \($0.message)" } ?? "")
        case .unknownBackend(let backend, let cluster): "nothing is known of a backend \(backend)" + (cluster.map { " in \($0)" } ?? "")
        case .ambiguousBackend(let prefix, let backends): "\(backends.count) backends begin with \(prefix)"
        case .endedBeforeReady(let message): "\(message.backend) ended before it was ready: \(message.state)"
        case .notReadyInTime(let backend, let state, let limit): "\(backend) is not ready after \(limit.brief): \(state?.rawValue ?? "no state")"
        case .drainCancelled(let drone): "somebody has cancelled the drain of \(drone)"
        case .timedOut(let work, let limit): "gave up \(work) after \(limit.brief)"
        case .cancelled: "cancelled"
        }
    }
}

extension PlaneError.Responder: CustomStringConvertible {
    package var description: String {
        switch self {
        case .scheduler: "the scheduler"
        case .agent(let drone): "the agent of \(drone)"
        case .anyAgent(let cluster): "any drone of \(cluster)"
        }
    }
}
