package import DroneStore
package import Logging
package import PlaneProtocol

/// What the supervisors of a drone's backends share. Other parts of the agent get the few of these that they use.
package struct BackendContext: Sendable {
    package var store: DroneStore
    package var engine: any Engine
    package var reports: BackendReports
    package var output: BackendOutput
    package var pulls = PullCoalescer()
    package var estimates = StartEstimates()
    package var limits = BackendLimits()
    /// Notices who wants a frozen backend. It has a loop of its own, which whoever runs the backends has to run.
    package var freezeWatch: FreezeWatch
    /// Sends requests to a container's port until it answers as required, or the limit has passed.
    package var probe: @Sendable (ContainerAddress, ReadinessTerms, Duration) async -> ProbeResult
    /// Called at each fault point. Does nothing except in tests of failures.
    package var pass: @Sendable (FaultPoint) -> Void = { _ in }
    package var time = AgentTime()
    package var logger: Logger

    package init(
        drone: DroneID, cluster: ClusterName, store: DroneStore, engine: any Engine, feeds: any EngineFeeds,
        probe: @escaping @Sendable (ContainerAddress, ReadinessTerms, Duration) async -> ProbeResult,
        publishLog: @escaping @Sendable (BackendLogMessage) -> Void, reportQueued: @escaping @Sendable () -> Void, logger: Logger
    ) {
        self.store = store
        self.freezeWatch = FreezeWatch(store: store)
        self.engine = engine
        self.reports = BackendReports(drone: drone, cluster: cluster, queued: reportQueued)
        self.output = BackendOutput(feeds: feeds, publish: publishLog)
        self.probe = probe
        self.logger = logger
    }

    /// The message that tells the schedulers of a state that is reached now.
    func report(_ state: BackendState, of backend: BackendID, detail: BackendStatusDetail?) -> [UInt8] {
        WireCodec.encode(
            UpdateBackendStateMessage(
                cluster: self.reports.cluster, state: state, backend: backend, time: self.time.now(), drone: self.reports.drone, detail: detail))
    }
}

/// In whose name backends are reported, and who sends the reports on.
package struct BackendReports: Sendable {
    package var drone: DroneID
    package var cluster: ClusterName
    /// Called when a report has been put into the outbox.
    package var queued: @Sendable () -> Void
}

/// Where the output of backends is read, and where it is published.
package struct BackendOutput: Sendable {
    package var feeds: any EngineFeeds
    /// How far the output of each backend has been published.
    package var cursors = LogCursors()
    /// Publishes a line of a backend's output. Returns at once; nothing waits for logs.
    package var publish: @Sendable (BackendLogMessage) -> Void
}

/// How long each part of a backend's life may take.
package struct BackendLimits: Sendable {
    /// From the container's start to its first HTTP response (`agent.ready_timeout_secs`). The probes of 0.3.24 last about as long.
    package var ready = Duration.seconds(30)
    /// From asking a container to end to killing it; the default of Docker and of 0.3.24.
    package var stopGrace = Duration.seconds(10)

    func grace(_ kind: BackendEnding.Kind) -> Duration {
        switch kind {
        case .soft: self.stopGrace
        case .hard: .zero
        }
    }
    /// How long there is no traffic until a backend's container is frozen, where its request does not say that (`agent.hold_idle_secs`); nil for never.
    package var holdIdle: Duration?
    /// For pulling one image. A large one over a slow line takes minutes; after this long it counts as failed.
    package var pull = Duration.seconds(15 * 60)
    /// For reading the rest of an ended container's output, which is complete by then.
    package var logDrain = Duration.seconds(5)
    /// For reading the last lines that an ending container printed. The report of the end waits for them, and so does whoever asked for the end.
    package var lastLines = Duration.seconds(1)
    /// How many lines of one backend are passed on per second; nil for all.
    package var logLinesPerSecond: Int?

    package init() {}
}
