package import DockerEngine

/// Why the container engine did not do what it was asked, as far as the agent acts on it.
package struct EngineFailure: Error, Hashable, CustomStringConvertible, Sendable {
    package enum Code: Hashable, Sendable {
        /// The image is not on this machine.
        case imageMissing
        /// A container of that name exists.
        case nameTaken
        /// The registry has no such image, or hides it; or the name is no image's.
        case imageNotFound
        /// The registry refused the credentials, or wants some.
        case pullDenied
        /// The registry gave nothing for another reason.
        case registry(RegistryTrouble)
        /// The machine has no room left for the image or the container.
        case diskFull
        /// The engine understood and will not, whoever asks again: a bad entry point, a limit it cannot set.
        case refused
        /// The container was made so that it starts faster, and cannot be started so; made plainly it may.
        case shortcutFailed
        /// No answer, or one that says the engine is in trouble; asking again may help.
        case unavailable
    }

    package var code: Code
    /// For the backend's owner: what was tried and what the engine said.
    package var message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { self.message }
}
