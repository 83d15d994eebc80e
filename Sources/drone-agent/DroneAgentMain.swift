import ArgumentParser
import ConfigurationFiles
import DockerEngine
import DroneCore
import DroneCoreConfiguration
import DroneStore
import Logging
import LogKeys
import NATS
import PlaneMessaging
import PlaneMessagingConfiguration
import PlaneProtocol
import PlaneService
import ServiceLifecycle

/// The agent, which runs a drone's backends.
@main struct DroneAgentMain: ServiceCommand {
    static let configuration = CommandConfiguration(
        commandName: "drone-agent",
        abstract: "Runs this drone's backends in Docker: takes spawn requests, watches over them, stops them when idle.",
        usage: "drone-agent [options] [<configuration-file>]",
        version: BuildInformation.version)

    @OptionGroup var options: ServiceOptions

    @Flag(help: "Print what the firewall has to do for agent.docker.isolate, as iptables-restore reads it, and exit.")
    var isolationRules = false

    var runs: Bool { !self.options.check && !self.options.dumpConfiguration && !self.isolationRules }

    func output(_ settings: DroneAgentSettings) -> String? {
        guard self.isolationRules else { return nil }
        return settings.isolatedNetwork?.rules(nameServers: NameServers.ofThisMachine()) ?? ""
    }

    func makeServices(_ settings: DroneAgentSettings, logger: Logger) async throws -> [any Service] {
        let store = try await DroneStore.open(path: settings.drone.databasePath)
        let droneID = try await settings.droneID(in: store)
        LogFeed.ofThisProcess.rename(.drone(droneID))
        // The connection is made by a service of its own, so that backends are supervised whether or not NATS can be reached.
        let connection = NATSConnection.unopened(
            settings.nats.options(name: "drone-agent \(droneID)", inboxPrefix: settings.inboxPrefix(droneID)), logger: logger)
        var engine = DockerEngineAdapter(
            client: DockerClient(endpoint: settings.dockerEndpoint, logger: logger), template: settings.template)
        engine.pageOuts = PageOut(logger: logger)
        var agentSettings = settings.agentSettings(droneID)
        #if DEBUG
        if let pass = FaultSwitch.fromEnvironment() { agentSettings.pass = pass }
        #endif
        if settings.agent.sandboxes > 0 {
            let pool = SandboxPool(size: Int(settings.agent.sandboxes), maker: DockerSandboxMaker(engine, drone: droneID), logger: logger)
            engine.sandboxes = pool
            agentSettings.sandboxes = pool
        } else {
            logger.info("network sandboxes are not used", metadata: [LogKey.reason: "agent.sandboxes is 0"])
        }
        let kinds = settings.parkedKinds(droneID)
        for refusal in kinds.refusals { logger.warning("containers are not parked", metadata: [LogKey.reason: "\(refusal)"]) }
        let learned = settings.learnedKinds(droneID)
        if !kinds.kinds.isEmpty || learned != nil {
            let learns = learned.map { learned -> ParkedPool.Learner in { try await learned.kinds(askedForIn: store, except: $0, now: .now()) } }
            let pool = ParkedPool(
                kinds.kinds, learns: learns, maker: DockerParkedMaker(engine, drone: droneID), sandboxes: agentSettings.sandboxes, logger: logger)
            engine.parked = pool
            agentSettings.parked = pool
            agentSettings.hasParked = { [engine] in engine.hasParked(for: $0) }
        }
        let finished = engine
        let isolation = settings.isolatedNetwork.map { network in
            IsolationWatch(network, logger: logger) { () async throws(BackendEngineError) in try await finished.ensureNetwork() }
        }
        agentSettings.isIsolated = { isolation?.isInForce }
        agentSettings.asksEngine = { await finished.answer() }
        agentSettings.listsImages = { () async throws(BackendEngineError) in try await finished.images() }
        let agent = try await DroneAgent(
            agentSettings, store: store, engine: engine, feeds: engine, access: settings.agent.allowsExec ? engine : nil,
            bus: PlaneBus(connection: connection, replySubjects: settings.nats.replySubjects, logger: logger), logger: logger)
        var services: [any Service] = [NATSConnectionService(connection, opens: true)]
        if let isolation { services.append(isolation) }
        services.append(agent)
        return services
    }
}
