import ConfigurationFiles
import ConfigurationReading
import DockerEngine
import DroneCore
import DroneCoreConfiguration
import DroneStore
import PlaneMessagingConfiguration
import PlaneProtocol
import PlaneService
import ProxyCoreConfiguration

/// The settings of the agent, from `drone.toml`.
struct DroneAgentSettings: ServiceSettings {
    var drone: DroneConfiguration
    var nats: NATSConfiguration
    var agent: AgentConfiguration

    var log: LogConfiguration { self.drone.log }
    var metrics: MetricsConfiguration { self.drone.agentMetrics }

    init?(_ reader: inout ConfigReader) {
        reader.demandTable("nats", for: "drone-agent")
        reader.demandTable("agent", for: "drone-agent")
        reader.removeSecrets(of: "cert", "acme", "proxy")
        guard let drone = DroneConfiguration(&reader), let nats = drone.nats, let agent = drone.agent else { return nil }
        self.drone = drone
        self.nats = nats
        self.agent = agent
    }

    /// Begins with the prefix of 0.3, which an account's permissions may allow (dev/docs/protocol.md, Rules for every message). Each drone has its own, so
    /// that permissions can keep drones from reading each other's answers.
    func inboxPrefix(_ droneID: DroneID) -> String { "cluster.\(self.drone.cluster.subjectToken).inbox.agent.\(droneID)" }

    var dockerEndpoint: DockerEndpoint {
        switch self.agent.docker.connection {
        case .socket(let path): .unixSocket(path: path)
        case .http(let url): .http(url: url)
        }
    }

    var template: ContainerTemplate {
        var template = ContainerTemplate()
        template.network = self.agent.docker.network
        template.isolation = self.isolatedNetwork
        template.mounts = self.agent.mountBase.map { MountBase(path: $0) }
        template.runtime = self.agent.docker.runtime
        template.hasAllGPUs = self.agent.docker.insecureGPU
        template.syslog = self.agent.docker.syslog
        let limits = self.agent.docker.limits
        template.logBytes = limits.logMegabytes == 0 ? nil : Int64(limits.logMegabytes) << 20
        template.limits.memoryBytes = LimitPolicy.Bound(limits.memory, times: 1 << 20)
        template.limits.cpuPercent = LimitPolicy.Bound(limits.cpu, times: 1)
        template.limits.diskBytes = LimitPolicy.Bound(limits.disk, times: 1 << 20)
        let privileges = self.agent.docker.privileges
        template.mayGainPrivileges = !privileges.noNewPrivileges
        template.processLimit = privileges.processLimit == 0 ? nil : Int64(privileges.processLimit)
        template.droppedCapabilities = privileges.droppedCapabilities
        return template
    }

    var isolatedNetwork: IsolatedNetwork? {
        let isolation = self.agent.docker.isolation
        guard isolation.isOn else { return nil }
        return IsolatedNetwork(
            name: self.agent.docker.network ?? ContainerIsolation.standardNetwork, reachable: isolation.reachable,
            unreachable: isolation.unreachable)
    }

    /// Which containers run before they are asked for, and why not those of some images.
    func parkedKinds(_ droneID: DroneID) -> (kinds: [ParkedKind], refusals: [String]) {
        let template = self.template
        var (kinds, refusals): ([ParkedKind], [String]) = ([], [])
        guard template.syslog == nil || self.agent.parked.isEmpty else {
            return ([], ["with agent.docker.syslog, which names the backend, every container is made when its backend is asked for"])
        }
        for parked in self.agent.parked {
            let limits = ResourceLimits(
                cpuPeriodPercent: parked.cpuPercent.map { UInt8(clamping: $0) }, memoryLimitBytes: parked.memoryMegabytes.map { Int64($0) << 20 },
                diskLimitBytes: parked.diskMegabytes.map { Int64($0) << 20 })
            if let refusal = template.limits.refusal(of: ContainerLimits(limits)) {
                refusals.append("\(parked.image): \(refusal)")
            } else if !ImageAllowance(self.agent.images).allows(parked.image) {
                refusals.append("the drone does not allow the image \(parked.image) (agent.images)")
            } else if let spec = template.specification(of: parked.image, limits: limits, drone: droneID) {
                kinds.append(ParkedKind(image: parked.image, specification: spec, count: Int(parked.count)))
            } else {
                refusals.append("'\(parked.image)' is not the name of an image")
            }
        }
        return (kinds, refusals)
    }

    /// Which containers run besides, because the like was asked for; nil where none are to.
    func learnedKinds(_ droneID: DroneID) -> LearnedKinds? {
        let count = self.agent.parkedLearned.limit
        guard count > 0 else { return nil }
        return LearnedKinds(self.template, drone: droneID, images: ImageAllowance(self.agent.images), count: count)
    }

    /// The configured name, or the one this drone gave itself when it first started.
    func droneID(in store: DroneStore) async throws -> DroneID {
        if let configured = self.drone.droneID { return configured }
        var generator = SystemRandomNumberGenerator()
        return try await store.droneID(orStore: .random(using: &generator))
    }

    func agentSettings(_ droneID: DroneID) -> DroneAgent.Options {
        var settings = DroneAgent.Options(drone: droneID, cluster: self.drone.cluster, address: self.agent.ip)
        settings.endpoint = self.agent.endpoint
        settings.maxBackends = self.agent.maxBackends
        settings.allowsVolumeMounts = self.agent.docker.allowVolumeMounts
        settings.servesLegacyReaders = self.agent.servesLegacyReaders
        settings.images = ImageAllowance(self.agent.images)
        settings.pool = self.agent.pool
        // If the system chooses the port, only the proxy knows it.
        settings.innerPort = self.drone.proxy.innerPort.flatMap { $0 == 0 ? nil : $0 }
        settings.networks = Set(self.agent.docker.allowedNetworks)
        settings.hasMountBase = self.agent.mountBase != nil
        settings.limits.ready = self.agent.readyTimeout
        settings.limits.stopGrace = self.agent.stopTimeout
        settings.limits.holdIdle = self.agent.holdIdle
        let lines = self.agent.docker.limits.logLinesPerSecond
        settings.limits.logLinesPerSecond = lines == 0 ? nil : Int(lines)
        return settings
    }
}

extension LimitPolicy.Bound {
    init(_ bound: ContainerLimitsConfiguration.Bound, times unit: Int64) {
        self.init(standard: bound.standard.map { Int64($0) * unit }, most: bound.most.map { Int64($0) * unit })
    }
}
