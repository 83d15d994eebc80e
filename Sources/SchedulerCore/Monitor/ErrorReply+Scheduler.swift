import NATS
import PlaneProtocol

extension ErrorReply {
    /// It came in one message, and does not fit another one with the backend, the drone and the lock in it.
    static let requestTooLarge = ErrorReply(
        code: .badRequest, message: "the request is so large that NATS does not take it with the backend's id and token in it; is env that long?")

    /// The sender repeats its message until it is stored.
    static func cannotWrite(_ error: NATSError) -> ErrorReply {
        ErrorReply(code: .unavailable, message: "the scheduler could not write to the stream: \(error.reason); try again")
    }

    /// Whoever may publish there may be any drone.
    static let isShared = ErrorReply(
        code: .notPermitted, message: "drones are heard only on subjects that name them, because scheduler.accepts_legacy_peers is off")

    /// The lock's holder is of no use to who cannot pass its proxy.
    static let hasNoToken = ErrorReply(code: .unavailable, message: "the token of the lock's holder could not be read; try again")

    /// Not for ever: a backend may still move to the drone that says it has it.
    static let isNotAssigned = ErrorReply(code: .unavailable, message: "the backend is not assigned to this drone")

    /// A lock that looks free may be held by a backend whose drone has not said so yet.
    static let isRebuilding = ErrorReply(
        code: .unavailable, message: "the state of the fleet was lost, and the drones are being asked which locks are held; try again in some seconds")

    /// A guess from an old state of the fleet could give one lock to two.
    /// - Parameter reason: what NATS says, if it says something.
    static func isBehind(_ reason: String? = nil) -> ErrorReply {
        let why = reason.map { ": \($0)" } ?? ""
        return ErrorReply(
            code: .unavailable,
            message: "the scheduler does not see the newest state of the fleet, because NATS does not take or bring news\(why); try again")
    }

    /// A name that may never answer is no answer to whoever asks for the lock's backend.
    static func isUnheard(_ holder: LockView.Holder) -> ErrorReply {
        ErrorReply(
            code: .unavailable,
            message: "the lock is held by backend \(holder.backend), and drone \(holder.drone), which was asked to run it, has not answered yet; try again")
    }
}
