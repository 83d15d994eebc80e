package import DockerEngine
package import PlaneProtocol

/// How this drone makes containers: what its configuration adds to each request (dev/docs/protocol.md, Containers).
package struct ContainerTemplate: Sendable {
    /// Docker network that the containers join; nil means Docker's default bridge.
    package var network: String?
    /// The network that containers join, if the agent makes it; setting this sets `network` to its name.
    package var isolation: IsolatedNetwork? { didSet { self.network = self.isolation?.name ?? self.network } }
    /// OCI runtime; Docker's default if nil.
    package var runtime: String?
    package var hasAllGPUs = false
    /// Where Docker sends the containers' output in addition; NATS gets it in any case.
    package var syslog: String?
    /// How much of a container's output the engine keeps; nil leaves that to the engine.
    package var logBytes: Int64?
    package var limits = LimitPolicy()

    /// Whether programs in the containers may gain rights through setuid and the like.
    package var mayGainPrivileges = false
    /// Processes and threads of one container at most; nil for no limit.
    package var processLimit: Int64? = 4096
    /// Capabilities removed from Docker's default set.
    package var droppedCapabilities: [String] = []
    /// Where the directories are that outlive their backends; nil if requests may not ask for such directories.
    package var mounts: MountBase?

    /// The label that names the drone whose agent made a container. The two labels of 0.3.24 are in `PlaneProtocol`.
    package static let droneLabel = "dev.plane.drone"
    /// The environment variable with the backend's fencing token, in decimal.
    package static let fencingVariable = "SESSION_BACKEND_FENCING_TOKEN"

    package init() {}

    /// How containers of an image are made for requests that name nothing else, except for what comes late; nil when the image's name is not one.
    package func specification(of image: String, limits: ResourceLimits, drone: DroneID) -> ContainerSpec? {
        guard let backend = BackendID(rawValue: "parked"), let cluster = ClusterName(rawValue: "parked.localhost") else { return nil }
        let executable = DockerExecutableConfig(image: image, resourceLimits: limits)
        let request = SpawnRequest(cluster: cluster, droneID: drone, maxIdle: WireSeconds(rawValue: 0), backendID: backend, executable: executable)
        return self.specification(for: request)?.withoutWhatComesLate
    }

    /// Nil when the image's name is not one.
    package func specification(for request: SpawnRequest) -> ContainerSpec? {
        let executable = request.executable
        guard let image = ImageReference(executable.image) else { return nil }
        var environment = executable.env.mapValues(\.exposed)
        // This is set last, because the token would be useless if the request could set the variable.
        if let token = request.fencingToken { environment[Self.fencingVariable] = String(token) }
        if environment["PORT"] == nil { environment["PORT"] = String(executable.port ?? DockerExecutableConfig.defaultPort) }
        var spec = ContainerSpec(
            image: image, environment: environment,
            labels: executable.process.labels.merging([
                BackendID.managedLabel: "true", BackendID.backendLabel: request.backendID.resourceName,
                Self.droneLabel: request.droneID.rawValue,
            ]) { $1 },
            binds: executable.volumeMounts, network: executable.network ?? self.network, runtime: self.runtime,
            limits: self.limits.granted(ContainerLimits(executable.resourceLimits)))
        spec.entrypoint = executable.process.command
        spec.command = executable.process.args
        spec.workingDirectory = executable.process.workingDirectory
        spec.user = executable.process.user
        if let mount = executable.dataMount, let directory = self.mounts?.path(of: mount) {
            spec.binds.append("\(directory):\(DataMount.target)")
        }
        spec.hasAllGPUs = self.hasAllGPUs
        spec.syslog = self.syslog.map { SyslogTarget(address: $0, tag: request.backendID.resourceName) }
        spec.limits.processes = self.processLimit
        spec.mayGainPrivileges = self.mayGainPrivileges
        spec.droppedCapabilities = self.droppedCapabilities
        return spec
    }
}

extension ContainerLimits {
    /// As a request asks for them.
    package init(_ limits: ResourceLimits) {
        self.init(
            cpuPeriodMicroseconds: limits.cpuPeriodMicroseconds, cpuPercent: limits.cpuPeriodPercent.map { UInt64($0) },
            cpuTimeSeconds: limits.cpuTimeLimitSeconds, memoryBytes: limits.memoryLimitBytes, diskBytes: limits.diskLimitBytes)
    }
}
