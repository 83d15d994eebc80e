package import NATS
package import PlaneMessaging
package import PlaneProtocol
import Timing

/// Why a call of `PlaneClient` failed.
///
/// `fault` says who has to do something about it, `isRetryable` whether the same call may succeed later, and `mayHaveTakenEffect` whether a request may have
/// been carried out nevertheless. Callers decide by these, never by texts.
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
    /// The connection ended during a wait.
    case connectionEnded
    /// The receiver answered that it did not carry the request out.
    case refused(ErrorReply)
    /// The answer could not be read as one to this request.
    case unreadableReply(MessageError)
    /// No drone of the cluster can take the backend now.
    /// - Parameter reason: why the last drone refused, or why the scheduler asked none.
    case noDroneAvailable(ClusterName, reason: ErrorReply?)
    /// The backend is not known; if a cluster is given, not known there.
    case unknownBackend(BackendID, ClusterName?)
    /// The ids of several backends begin like this; running backends come first in the list.
    case ambiguousBackend(BackendID, [BackendID])
    /// The backend ended before it was ready.
    case endedBeforeReady(BackendStateMessage)
    /// The backend was not ready in time. It is not stopped for that.
    case notReadyInTime(BackendID, BackendState?, limit: Duration)
    /// The drone says of a backend what the state of the fleet, which it cannot write, contradicts.
    case contradicted(DroneID, BackendID, BackendDescription.Contradiction)
    /// Another operator has let the drone take backends again.
    case drainCancelled(DroneID)
    /// The awaited event did not come in time.
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
        /// The request is wrong or forbidden; a different one may succeed.
        case request
        /// The backend itself does not work.
        case backend
        /// Plane, a drone or NATS cannot do it now.
        case system
        /// Nobody is at fault: the caller gave up.
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
        case .connectionEnded, .unreadableReply, .noDroneAvailable, .contradicted, .timedOut: .system
        case .drainCancelled, .cancelled: .nobody
        }
    }

    /// Whether the same call may succeed later without a change to the request. If `mayHaveTakenEffect` is true, the call may only be repeated where that is
    /// harmless, as it is for a schedule request with a backend id.
    package var isRetryable: Bool {
        switch self {
        case .refused(let reply): [.lockBusy, .unavailable, .full, .draining].contains(reply.code)
        case .connection(let error), .notAnswered(let error, by: _): error.isRetryable
        case .noDroneAvailable, .timedOut, .notReadyInTime: true
        case .connectionEnded, .unreadableReply, .unknownBackend, .ambiguousBackend, .endedBeforeReady, .contradicted, .drainCancelled, .cancelled: false
        }
    }

    /// Whether a request may have been carried out although no answer came.
    package var mayHaveTakenEffect: Bool {
        switch self {
        case .notAnswered(let error, by: _): error.code == .timedOut || error.code == .disconnected
        case .unreadableReply, .cancelled: true
        case .connection, .connectionEnded, .refused, .noDroneAvailable, .unknownBackend, .ambiguousBackend, .endedBeforeReady,
            .notReadyInTime, .contradicted, .drainCancelled, .timedOut:
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
        case .contradicted(let drone, let backend, let contradiction):
            "\(drone) says of \(backend) that its \(contradiction.subject) is \(contradiction.said), and it is \(contradiction.known)"
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

/// Runs `body`, and cancels it when it takes longer than `limit`.
/// - Parameter work: what takes so long, for the error.
package func withTimeLimit<Value: Sendable>(
    _ limit: Duration, of work: String, _ body: @escaping @Sendable () async throws(PlaneError) -> Value
) async throws(PlaneError) -> Value {
    guard let value = try await withTimeLimit(limit, body) else { throw .timedOut(work: work, limit: limit) }
    return value
}
