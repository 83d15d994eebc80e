package import PlaneProtocol

/// What the agent needs of a container engine to run backends. The real one is Docker (`DockerEngineAdapter`).
///
/// A backend has at most one container, labelled with its id. Every call names the backend; the engine finds the container by its own id
/// where that is known and by the label where not, never by its name alone, which anybody may change.
///
/// All calls may be made at once, for one backend and for many. All end within the engine's own time limits, except `pull`, and all may
/// be cancelled; what a cancelled or failed call has done nevertheless is found out by looking.
package protocol Engine: Sendable {
    /// Brings the image to this machine. The same image may be asked for many times at once.
    /// `progress` is called in order, often, and not after this has returned.
    func pull(
        _ image: String, credentials: DockerCredentials?, progress: @escaping @Sendable (PullStep) -> Void
    ) async throws(EngineFailure)

    /// Makes the backend's container from an image that is on this machine. Does not start it.
    /// Fails with `imageMissing` or `nameTaken` where those are the reason.
    func create(_ request: SpawnRequest) async throws(EngineFailure)

    /// Starts the container. Harmless when it runs.
    func start(_ backend: BackendID) async throws(EngineFailure)

    /// What has become of the container. Absence is an answer, not an error.
    func inspect(_ backend: BackendID) async throws(EngineFailure) -> ContainerObservation

    /// Asks the container's process to end (SIGTERM), kills it after `grace`, and returns when it is gone.
    /// Harmless when it has ended or is absent.
    func stop(_ backend: BackendID, grace: Duration) async throws(EngineFailure)

    /// Removes the container, running or not, with its anonymous volumes. Harmless when it is absent.
    func remove(_ backend: BackendID) async throws(EngineFailure)

    /// The engine's own id of the backend's container, as far as it is known: once it was made or found.
    func container(of backend: BackendID) -> String?

    /// What `container(of:)` was when another agent ran the backend.
    func remember(_ container: String, of backend: BackendID)

    /// Every container labelled as one of Plane's, whatever its state and whoever made it.
    func list() async throws(EngineFailure) -> [ContainerListing]
}

/// What a container engine tells of its own accord. Parted from `Engine` because nobody's life depends on it.
package protocol EngineFeeds: Sendable {
    /// Tells of containers that end, from `since` on, until the connection breaks or the task is cancelled. May tell of one twice.
    func watchExits(since: WireTime, _ body: @Sendable (ExitEvent) async -> Void) async throws(EngineFailure)

    /// Tells what the container prints, from the first line after `since` on, at the pace of `body`; returns when the container has
    /// ended and all is told. A container that does not exist has printed nothing.
    /// - Parameter onlyNew: What it has printed so far is passed over, which costs the engine nothing.
    func readLog(
        of backend: BackendID, after since: WireTime?, onlyNew: Bool, _ body: @Sendable (LogChunk) async -> Void
    ) async throws(EngineFailure)

    /// What the container printed last, oldest first, without time stamps and line feeds; nothing when there is no such container.
    func lastLines(of backend: BackendID, count: Int) async throws(EngineFailure) -> [String]

    /// The container's counters now; nil when it does not run or the engine does not know one of them.
    func usage(of backend: BackendID) async throws(EngineFailure) -> UsageSample?
}

extension EngineFeeds {
    /// The same, with all that was printed so far.
    package func readLog(
        of backend: BackendID, after since: WireTime?, _ body: @Sendable (LogChunk) async -> Void
    ) async throws(EngineFailure) {
        try await self.readLog(of: backend, after: since, onlyNew: false, body)
    }
}
