/// Why a backend is in its state, for programs. Open: a newer agent may know more causes, and none may make a message unreadable.
package struct BackendCause: JSONText, Hashable, Codable {
    package static var expectation: String { "a string" }

    package let rawValue: String

    package init(rawValue: String) {
        self.rawValue = rawValue
    }

    /// The registry refused, or does not have the image.
    package static let imagePullFailed = BackendCause(rawValue: "ImagePullFailed")
    /// The policy is `Never`, and the image is not on the drone.
    package static let imageMissing = BackendCause(rawValue: "ImageMissing")
    /// Docker refused to create or start the container.
    package static let containerRefused = BackendCause(rawValue: "ContainerRefused")
    /// The drone's configuration forbids what was asked for.
    package static let notPermitted = BackendCause(rawValue: "NotPermitted")
    /// The port did not answer within the limit.
    package static let readinessTimeout = BackendCause(rawValue: "ReadinessTimeout")
    /// The process ended by itself.
    package static let exitedByItself = BackendCause(rawValue: "ExitedByItself")
    /// The kernel killed it for using too much memory.
    package static let outOfMemory = BackendCause(rawValue: "OutOfMemory")
    /// Nobody was connected for `max_idle_secs`.
    package static let idle = BackendCause(rawValue: "Idle")
    /// Somebody asked for it to stop.
    package static let requested = BackendCause(rawValue: "Requested")
    /// The container is gone and nobody saw how.
    package static let vanished = BackendCause(rawValue: "Vanished")
    /// Something on the drone failed, other than the backend.
    package static let internalError = BackendCause(rawValue: "InternalError")
}
