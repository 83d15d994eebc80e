import FoundationEssentials
import NIOCore

extension EngineError {
    /// The error for a failed call, from the HTTP status and the body, normally `{"message": "…"}`.
    init(status: UInt, body: ByteBuffer, to request: EngineRequest) {
        let message = DaemonMessage(Self.message(in: body))
        let code = Self.code(status: status, message: message, subject: request.subject)
        self.init(
            code, attempt: request.attempt, message: message.text.isEmpty ? "HTTP status \(status)" : message.text,
            hint: Self.hint(for: code, message: message))
    }

    /// The error for a failure reported in the stream of a pull, whose status was a success.
    init(pullFailure message: DaemonMessage, attempt: String) {
        let code = message.pullFailure
        self.init(code, attempt: attempt, message: message.text, hint: Self.hint(for: code, message: message))
    }

    private static func message(in body: ByteBuffer) -> String {
        struct Reply: Decodable { var message: String }
        let text = String(buffer: body)
        // A proxy or another daemon may answer with plain text, which is the message then.
        guard let reply = try? JSONDecoder().decode(Reply.self, from: Data(text.utf8)) else { return text }
        return reply.message
    }

    private static func code(status: UInt, message: DaemonMessage, subject: EngineRequest.Subject) -> Code {
        if message.saysDiskFull { return .diskFull }
        switch (subject, status) {
        case (_, 400) where message.saysVersionMismatch: return .versionUnsupported
        case (.registry, _): return status == 400 ? .badRequest : message.pullFailure
        case (.image, 404): return .noSuchImage
        case (.creation, 404): return message.saysNoSuchImage ? .noSuchImage : .badRequest
        case (.creation, 409): return .nameConflict
        case (.creation, 500...599) where message.saysNameTaken: return .nameConflict
        // Docker answers with 500 also if the image, the command or a limit is at fault; everything that is not the engine's own trouble counts as a refusal.
        case (.creation, 500...599): return message.saysEngineTrouble ? .daemonFailed : .badRequest
        case (.start, 400...599) where message.saysEngineTrouble: return .daemonFailed
        case (.files, 404): return message.saysNoSuchContainer ? .noSuchContainer : .badRequest
        case (.container, 404), (.start, 404):
            // Otherwise a network or volume in the container's specification is missing.
            return message.saysNoSuchContainer ? .noSuchContainer : .notStartable
        case (.start, 409): return .conflict
        case (.start, 400...599): return .notStartable
        case (_, 409): return .conflict
        case (_, 400...499): return .badRequest
        case (_, 500...599): return .daemonFailed
        default: return .unreadableReply
        }
    }

    private static func hint(for code: Code, message: DaemonMessage) -> String? {
        switch code {
        case .noSuchImage: "is it pulled, and is the pull policy what you meant?"
        case .imageNotFound: "check registry, name and tag; a private image needs credentials"
        case .pullDenied: "check the credentials given with the image"
        case .registry(let trouble): trouble.hint
        case .diskFull: "free some space, for instance with docker image prune"
        case .badRequest where message.saysOptionUnsupported:
            "a disk limit needs the overlay2 driver on XFS mounted with pquota"
        default: nil
        }
    }
}
