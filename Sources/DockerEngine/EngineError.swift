/// A failed call to the Docker Engine: what was tried, with names, and what can be done.
package struct EngineError: Error, Sendable {
    /// The kind of failure. Callers decide by this, never by the text.
    package enum Code: Sendable, Hashable {
        /// No connection to the daemon, or the connection broke before the answer. It is not known whether the call had an effect.
        case daemonUnreachable
        /// The daemon did not answer within the time limit. It is not known whether the call had an effect.
        case timedOut
        /// The calling task was cancelled. It is not known whether the call had an effect.
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
        /// The container's current state does not permit the call, such as removing one that is being removed.
        case conflict
        /// The container exists but cannot be started as it is specified: entry point, mount, device, network.
        case notStartable
        /// The registry has no such image, or hides it from these credentials.
        case imageNotFound
        /// The registry refused the credentials, or requires some.
        case pullDenied
        /// The registry did not deliver the image, for another reason.
        case registry(RegistryTrouble)
        /// The machine has no room for the image or the container.
        case diskFull
        /// Any other failure the daemon reported of itself.
        case daemonFailed
        /// The daemon's reply does not follow the API.
        case unreadableReply
        /// The daemon's reply is larger than the limit.
        case replyTooLarge
    }

    package var code: Code
    /// The call with the names in it: `start container plane-b7f3`. Never contains a secret.
    package var attempt: String
    /// The daemon's own text, shortened.
    package var message: String?
    /// What a person can do about it.
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

    /// Whether the same call may succeed later without any change.
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
    /// The error on one line: `start container plane-b7f3: no such container: No such container: plane-b7f3 (…hint…)`.
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
