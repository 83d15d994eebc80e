/// What went wrong between us and the Docker Engine: what was tried, with the names of things, and what can be done.
package struct EngineError: Error, Sendable {
    /// What kind of failure it was. Callers decide from this, never from the text.
    package enum Code: Sendable, Hashable {
        /// No connection to the daemon, or it went away before it answered. Nothing is known about the effect.
        case daemonUnreachable
        /// The daemon did not answer within the limit of the call. Nothing is known about the effect.
        case timedOut
        /// Our own task was cancelled. Nothing is known about the effect.
        case cancelled
        /// The daemon and this client have no API version in common.
        case versionUnsupported
        /// The daemon understood the call and refused its parameters.
        case badRequest
        case noSuchContainer
        /// The image is not on this machine.
        case noSuchImage
        /// Another container has this name.
        case nameConflict
        /// The container's present state does not permit the call, such as removing one that is being removed.
        case conflict
        /// The container exists but cannot be started as it is specified: entry point, mount, device, network.
        case notStartable
        /// The registry has no such image, or hides it from these credentials.
        case imageNotFound
        /// The registry refused our credentials, or wants some.
        case pullDenied
        /// The registry gave nothing, for another reason than that.
        case registry(RegistryTrouble)
        /// The machine has no room left for the image or the container.
        case diskFull
        /// Any other failure the daemon reported of itself.
        case daemonFailed
        /// What the daemon sent is not what the API promises.
        case unreadableReply
        /// What the daemon sent is more than we are willing to hold.
        case replyTooLarge
    }

    package var code: Code
    /// The call and the names of what it concerned: `start container plane-b7f3`. Never holds a secret.
    package var attempt: String
    /// The daemon's own words, shortened.
    package var message: String?
    /// What a person may do about it.
    package var hint: String?
    package var cause: (any Error)?

    package init(
        _ code: Code, attempt: String, message: String? = nil, hint: String? = nil, cause: (any Error)? = nil
    ) {
        self.code = code
        self.attempt = attempt
        self.message = message
        self.hint = hint
        self.cause = cause
    }

    /// Whether the same call may succeed later without anybody changing it.
    package var isRetryable: Bool {
        switch self.code {
        case .daemonUnreachable, .timedOut, .daemonFailed, .conflict: true
        case .registry(let trouble): trouble.mayPass
        case .cancelled, .versionUnsupported, .badRequest, .noSuchContainer, .noSuchImage, .nameConflict, .notStartable,
            .imageNotFound, .pullDenied, .diskFull, .unreadableReply, .replyTooLarge:
            false
        }
    }
}

extension EngineError: CustomStringConvertible {
    /// One line: `start container plane-b7f3: no such container: No such container: plane-b7f3 (…hint…)`.
    package var description: String {
        var text = "\(self.attempt): \(self.code.sentence)"
        if let message { text += ": \(message)" }
        if let cause { text += ": \(cause)" }
        if let hint { text += " (\(hint))" }
        return text
    }
}

extension EngineError.Code {
    fileprivate var sentence: String {
        switch self {
        case .daemonUnreachable: "the Docker daemon cannot be reached"
        case .timedOut: "the Docker daemon did not answer in time"
        case .cancelled: "cancelled"
        case .versionUnsupported: "no API version in common"
        case .badRequest: "refused by the Docker daemon"
        case .noSuchContainer: "no such container"
        case .noSuchImage: "the image is not on this machine"
        case .nameConflict: "the name is taken"
        case .conflict: "not possible in the container's present state"
        case .notStartable: "the container cannot be started as specified"
        case .imageNotFound: "the registry has no such image"
        case .pullDenied: "the registry refused access"
        case .registry(let trouble): trouble.sentence
        case .diskFull: "no space left on the machine"
        case .daemonFailed: "the Docker daemon failed"
        case .unreadableReply: "unreadable reply of the Docker daemon"
        case .replyTooLarge: "the Docker daemon's reply is larger than this call accepts"
        }
    }
}
