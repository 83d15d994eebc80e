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
    /// Brings the image to this machine. The same image may be asked for many times at once.
    /// `progress` is called in order, often, and not after this has returned.
    func pull(
        _ image: String, credentials: DockerCredentials?, progress: @escaping @Sendable (PullStep) -> Void
    ) async throws(EngineFailure)

    /// Makes the backend's container from an image that is on this machine. Does not start it.
    /// Fails with `imageMissing` or `nameTaken` where those are the reason.
    ///
    /// - Parameter plainly: Without anything that only makes it start faster.
    /// - Returns: The handle, with the engine's id. Where the answer is lost, `recover` has it.
    @discardableResult
    func create(_ request: SpawnRequest, plainly: Bool) async throws(EngineFailure) -> ContainerHandle

    /// The handle with all that the engine knows of the container, its id above all; nil when there is no such container. A container of the
    /// same name that was not made for the backend is none.
    func recover(_ container: ContainerHandle) async throws(EngineFailure) -> ContainerHandle?

    /// Starts the container. Harmless when it runs. Fails with `shortcutFailed` where it may help to remove it and make it plainly.
    func start(_ container: ContainerHandle) async throws(EngineFailure)

    /// What has become of the container. Absence is an answer, not an error.
    func inspect(_ container: ContainerHandle) async throws(EngineFailure) -> ContainerObservation

    /// Asks the container's process to end (SIGTERM), kills it after `grace`, and returns when it is gone.
    /// Harmless when it has ended or is absent.
    func stop(_ container: ContainerHandle, grace: Duration) async throws(EngineFailure)

    /// Removes the container, running or not, with its anonymous volumes and its sandbox. Harmless when it is absent.
    func remove(_ container: ContainerHandle) async throws(EngineFailure)

    /// Every container labelled as one of Plane's, whatever its state, its role and whoever made it.
    func list() async throws(EngineFailure) -> [ContainerListing]
}

extension Engine {
    /// The same, as fast as may be.
    @discardableResult
    package func create(_ request: SpawnRequest) async throws(EngineFailure) -> ContainerHandle { try await self.create(request, plainly: false) }
}
