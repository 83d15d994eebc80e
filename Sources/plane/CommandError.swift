import ArgumentParser
import NATS
import PlaneClient
import PlaneProtocol

/// Why a command has failed, and what to do now.
struct CommandError: Error, Equatable {
    var status: CommandStatus
    /// The explanation in one sentence.
    var message: String
    /// What the person can do about it.
    var advice: String?

    init(_ status: CommandStatus, _ message: String, advice: String? = nil) {
        self.status = status
        self.message = message
        self.advice = advice
    }
}

extension CommandError {
    init(_ error: PlaneError) {
        switch error {
        case .notAnswered(let error, by: let responder): self.init(error, answering: "\(responder)")
        case .connection(let error): self.init(error)
        case .connectionEnded: self.init(.unavailable, "The connection to NATS has ended.")
        case .refused(let reply): self.init(.failed, "\(reply.message) (\(reply.code))")
        case .unreadableReply(let error):
            self.init(
                .failed, "The reply cannot be understood: \(error).", advice: "Are both sides of a compatible version?")
        case .noDroneAvailable(let cluster, let reason):
            self.init(
                .noDrone,
                "No drone of \(cluster) can take the backend"
                    + (reason.map { ": \($0.message.printable)." } ?? "."),
                advice: "plane list-drones shows which there are and in which state.")
        case .unknownBackend(let backend, nil):
            self.init(.failed, "Nothing is known of a backend \(backend).", advice: "plane list-backends --all shows which there are.")
        case .unknownBackend(let backend, let cluster?):
            self.init(.failed, "\(cluster) has no backend \(backend).", advice: "plane list-backends shows which there are.")
        case .ambiguousBackend(let prefix, let backends):
            let shown = backends.prefix(4).map(\.rawValue).joined(separator: ", ")
            self.init(
                .usage, "\(backends.count) backends begin with \(prefix): \(shown)\(backends.count > 4 ? ", …" : "").",
                advice: "Say some more of the id.")
        case .endedBeforeReady(let message): self.init(endedBeforeReady: message)
        case .notReadyInTime(let backend, let state, let limit):
            self.init(
                .noAnswer, "Not ready after \(limit.brief): \(state.map { "still \($0.rawValue)" } ?? "no state was reported").",
                advice: "It goes on by itself; see: plane status \(backend)")
        case .contradicted(let drone, let backend, let contradiction):
            self.init(
                .failed,
                "\(drone) says that the \(contradiction.subject) of \(backend) is \(contradiction.said), and schedulers have written \(contradiction.known).",
                advice: "Nothing was ended or started. Is \(drone) in wrong hands? Or end \(backend) (plane terminate), and spawn another one yourself.")
        case .drainCancelled(let drone):
            self.init(.failed, "\(drone) takes backends again: somebody has cancelled the drain.")
        case .timedOut(let work, let limit): self.init(.noAnswer, "Gave up \(work) after \(limit.brief).")
        case .cancelled: self.init(.failed, "It was cancelled.")
        }
    }

    private init(endedBeforeReady message: BackendStateMessage) {
        var sentence = "The backend ended before it was ready: \(message.state.rawValue)"
        if let text = message.detail?.message { sentence += ", \(text)" }
        if let code = message.detail?.exitCode { sentence += " (exit code \(code))" }
        let advice =
            switch message.state {
            case .terminated, .swept: "Somebody or something else ended it: plane why \(message.backend)"
            default: Diagnosis(message, wasReady: false).advice(for: message.backend) ?? "What it printed: plane logs \(message.backend)"
            }
        self.init(.endedBeforeReady, sentence.hasSuffix(".") ? sentence : sentence + ".", advice: advice)
    }

    /// - Parameter answering: who was expected to answer, for the advice.
    init(_ error: NATSError, answering: String = "the scheduler") {
        switch error.code {
        case .noResponders:
            self.init(
                .unavailable, "Nobody answers: \(error.attempt).",
                advice: "Is \(answering) running, and connected to this NATS?")
        case .timedOut, .disconnected:
            self.init(.noAnswer, "No answer in time: \(error.attempt).", advice: error.hint?.asSentence)
        case .authorizationViolation, .permissionDenied:
            self.init(.notPermitted, "NATS refuses us: \(error.detail ?? error.attempt).", advice: error.hint?.asSentence)
        case .streamNotFound:
            self.init(
                .unavailable, "This NATS has no stream of that kind: \(error.attempt).",
                advice: "The scheduler creates the streams when it starts; has one ever run here?")
        case .unreachable, .tlsFailed, .notConnected, .closed, .jetStreamUnavailable, .tooManyRequests:
            self.init(
                .unavailable, "NATS is not usable: \(error.attempt)\(error.detail.map { ": \($0)" } ?? "").",
                advice: error.hint?.asSentence ?? "Which NATS is used: --nats, or PLANE_NATS_URL.")
        case .invalidConfiguration:
            self.init(.usage, "Cannot \(error.attempt)\(error.detail.map { ": \($0)" } ?? "").", advice: error.hint?.asSentence)
        case .invalidSubject, .cancelled, .payloadTooLarge, .consumerNotFound, .messageNotFound, .wrongLastSequence,
            .sequenceBusy, .jetStreamRefused, .malformedReply, .library:
            self.init(.failed, "\(error)")
        }
    }
}

extension String {
    /// A hint of a library, which begins small, as the sentence below another one.
    fileprivate var asSentence: String {
        let text = self.prefix(1).uppercased() + self.dropFirst()
        return text.last.map { ".?!".contains($0) } ?? true ? text : text + "."
    }
}
