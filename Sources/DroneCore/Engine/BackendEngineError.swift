package import DockerEngine

/// Why the container engine did not carry out a call, as far as the agent distinguishes that.
package struct BackendEngineError: Error, Hashable, CustomStringConvertible, Sendable {
    package enum Code: Hashable, Sendable {
        /// The image is not on this machine.
        case imageMissing
        /// A container of this name exists already.
        case nameTaken
        /// The registry has no such image, or hides it; or the name is invalid.
        case imageNotFound
        /// The registry refused the credentials, or requires some.
        case pullDenied
        /// The registry did not deliver the image, for another reason.
        case registry(RegistryTrouble)
        /// The machine has no room for the image or the container.
        case diskFull
        /// The engine refuses, and will do so again: because of a bad entry point, or a limit that it cannot set.
        case refused
        /// The container was made by a shortcut and cannot be started; without the shortcut it may be.
        case shortcutFailed
        /// The engine gives no answer, or one that says that it is in trouble; another attempt may succeed.
        case unavailable
    }

    package var code: Code
    /// The explanation for the backend's owner: what was tried and what the engine said.
    package var message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { self.message }
}
