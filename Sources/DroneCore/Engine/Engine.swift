package import DroneStore
package import PlaneProtocol

/// What the agent needs of a container engine to run backends. The real one is Docker (`DockerEngineAdapter`).
///
/// A backend has at most one container. Calls about a container are made with its handle, which the caller keeps: the engine remembers nothing.
/// It finds the container by the handle's id; where there is none, or it names nothing any more, by the backend's label in the handle; and
/// never by the name alone, which anybody may change.
///
/// All calls may be made at once, for one container and for many. All end within the engine's own time limits, except `pull`, and all may
/// be cancelled; what a cancelled or failed call has done nevertheless is found out by inspecting.
package protocol Engine: Sendable {
    /// Pulls the image to this machine. May be called many times at once for the same image. `progress` is called often and in order, and not after this has
    /// returned.
    func pull(
        _ image: String, credentials: DockerCredentials?, progress: @escaping @Sendable (PullStep) -> Void
    ) async throws(BackendEngineError)

    /// Makes the backend's container from an image on this machine, and does not start it. Fails with `imageMissing` or `nameTaken` where those are the
    /// reason.
    ///
    /// - Parameter plainly: true makes it without a shortcut, that is without what only makes it start faster.
    /// - Returns: The handle, with the engine's id. If the answer is lost, `recover` finds it.
    @discardableResult
    func create(_ request: SpawnRequest, plainly: Bool) async throws(BackendEngineError) -> ContainerHandle

    /// Completes the handle with all that the engine knows of the container, above all its id; nil when there is no such container. A container of the same
    /// name that was not made for the backend does not count.
    func recover(_ container: ContainerHandle) async throws(BackendEngineError) -> ContainerHandle?

    /// Starts the container. Harmless when it runs. Fails with `shortcutFailed` where it may help to remove the container and make it without a shortcut.
    func start(_ container: ContainerHandle) async throws(BackendEngineError)

    /// Inspects the container. That it does not exist is a result, not an error.
    func inspect(_ container: ContainerHandle) async throws(BackendEngineError) -> ContainerObservation

    /// Asks the container's process to end (SIGTERM), kills it after `grace`, and returns when it is gone.
    /// Harmless when it has ended or is absent.
    func stop(_ container: ContainerHandle, grace: Duration) async throws(BackendEngineError)

    /// Removes the container, running or not, with its anonymous volumes and its sandbox. Harmless when it is absent.
    func remove(_ container: ContainerHandle) async throws(BackendEngineError)

    /// Freezes all processes of the container: they keep their memory and their connections, and get no processor time. Harmless when they are frozen.
    func freeze(_ container: ContainerHandle) async throws(BackendEngineError)

    /// Lets the processes of the container go on. Harmless when they are not frozen, and when the container has ended or is absent. `stop` does this by itself,
    /// and so does whatever runs a program in the container.
    func thaw(_ container: ContainerHandle) async throws(BackendEngineError)

    /// Asks the kernel to write the memory of the frozen container to swap, and to drop its cached files. Returns at once; it may take seconds, and is given up
    /// where it is not possible.
    func pageOut(_ container: ContainerHandle) async

    /// Lists every container with plane's labels, whatever its state, its role, and whoever made it.
    func list() async throws(BackendEngineError) -> [ContainerListing]
}

extension Engine {
    /// Makes the backend's container as `create(_:plainly:)` does, with a shortcut if the engine has one.
    @discardableResult
    package func create(_ request: SpawnRequest) async throws(BackendEngineError) -> ContainerHandle { try await self.create(request, plainly: false) }
}
