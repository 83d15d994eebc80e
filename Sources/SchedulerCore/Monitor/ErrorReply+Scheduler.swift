import NATS
import PlaneProtocol

extension ErrorReply {
    /// The request fits a NATS message, but not one that also has the backend, the drone and the lock in it.
    static let requestTooLarge = ErrorReply(
        code: .badRequest, message: "the request is so large that NATS does not take it with the backend's id and token in it; is env that long?")

    /// Agents repeat their message after this answer until it is stored.
    static func cannotWrite(_ error: NATSError) -> ErrorReply {
        ErrorReply(code: .unavailable, message: "the scheduler could not write to the stream: \(error.reason); try again")
    }

    /// Everybody who may publish on the shared subject can speak for any drone.
    static let isShared = ErrorReply(
        code: .notPermitted, message: "drones are heard only on subjects that name them, because scheduler.accepts_legacy_peers is off")

    /// The application cannot use the lock's holder without a token, because the proxy would refuse its visitors.
    static let hasNoToken = ErrorReply(code: .unavailable, message: "the token of the lock's holder could not be read; try again")

    /// The agent may try again: a backend can still move to the drone that reports it.
    static let isNotAssigned = ErrorReply(code: .unavailable, message: "the backend is not assigned to this drone")

    /// A lock that looks free may belong to a backend whose drone has not been heard since the stream was lost.
    static let isRebuilding = ErrorReply(
        code: .unavailable, message: "the state of the fleet was lost, and the drones are being asked which locks are held; try again in some seconds")

    /// An answer from an outdated state could give one lock to two backends.
    /// - Parameter reason: what NATS says about it, if anything.
    static func isBehind(_ reason: String? = nil) -> ErrorReply {
        let why = reason.map { ": \($0)" } ?? ""
        return ErrorReply(
            code: .unavailable,
            message: "the scheduler does not see the newest state of the fleet, because NATS does not take or bring news\(why); try again")
    }

    /// The holder's drone has reported nothing of it, so it may never run, and the application could not reach it.
    static func isUnheard(_ holder: LockView.Holder) -> ErrorReply {
        ErrorReply(
            code: .unavailable,
            message: "the lock is held by backend \(holder.backend), and drone \(holder.drone), which was asked to run it, has not answered yet; try again")
    }
}
