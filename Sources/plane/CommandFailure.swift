import ArgumentParser
import NATS
import PlaneMessaging
import PlaneProtocol
import PlaneService

/// Why a command could not do what it was asked, and what to do now.
struct CommandFailure: Error, Equatable {
    var status: CommandStatus
    /// One sentence.
    var message: String
    /// What the person can do about it.
    var advice: String?

    init(_ status: CommandStatus, _ message: String, advice: String? = nil) {
        self.status = status
        self.message = message
        self.advice = advice
    }
}

extension CommandFailure {
    /// - Parameter answering: who was expected to answer, for the advice.
    init(_ error: NATSError, answering: String = "the scheduler") {
        switch error.code {
        case .noResponders:
            self.init(
                .unavailable, "Nobody answers: \(error.attempt).",
                advice: "Is \(answering) running, and connected to this NATS?")
        case .timedOut, .disconnected:
            self.init(.noAnswer, "No answer in time: \(error.attempt).", advice: error.hint)
        case .authorizationViolation, .permissionDenied:
            self.init(.notPermitted, "NATS refuses us: \(error.detail ?? error.attempt).", advice: error.hint)
        case .streamNotFound:
            self.init(
                .unavailable, "This NATS has no stream of that kind: \(error.attempt).",
                advice: "The scheduler creates the streams when it starts; has one ever run here?")
        case .unreachable, .tlsFailed, .notConnected, .closed, .jetStreamUnavailable, .tooManyRequests:
            self.init(
                .unavailable, "NATS is not usable: \(error.attempt)\(error.detail.map { ": \($0)" } ?? "").",
                advice: error.hint ?? "Which NATS is used: --nats, or PLANE_NATS_URL.")
        case .invalidConfiguration:
            self.init(.usage, "\(error.attempt)\(error.detail.map { ": \($0)" } ?? "").", advice: error.hint)
        case .invalidSubject, .cancelled, .payloadTooLarge, .consumerNotFound, .messageNotFound, .wrongLastSequence,
            .sequenceBusy, .jetStreamRefused, .malformedReply, .library:
            self.init(.failed, "\(error)")
        }
    }

    init(_ failure: RequestFailure, answering: String = "the scheduler") {
        switch failure {
        case .transport(let error): self.init(error, answering: answering)
        case .refused(let reply): self.init(.failed, "\(reply.message) (\(reply.code))")
        case .unreadable(let error):
            self.init(
                .failed, "The reply cannot be understood: \(error).", advice: "Are both sides of a compatible version?")
        }
    }
}
