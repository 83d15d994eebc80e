import ArgumentParser
import DockerEngine
import DroneCore
import DroneStore
import Logging
import NATS
import PlaneProtocol
import PlaneService
import ServiceLifecycle

/// What runs a drone's backends.
@main struct DroneAgentMain: ServiceCommand {
    static let configuration = CommandConfiguration(
        commandName: "drone-agent",
        abstract: "Runs this drone's backends in Docker: takes spawn requests, watches over them, stops them when idle.",
        version: BuildInformation.version)

    @OptionGroup var options: ServiceOptions

    func makeServices(_ settings: DroneAgentSettings, logger: Logger) async throws -> [any Service] {
        let store = try DroneStore.open(path: settings.drone.databasePath)
        let droneID = try await settings.droneID(in: store)
        LogFeed.ofThisProcess.rename(.drone(droneID))
        let connection = try await NATSConnection.connect(
            settings.nats.options(name: "drone-agent \(droneID)", inboxPrefix: settings.inboxPrefix(droneID)), logger: logger)
        let engine = DockerEngineAdapter(
            client: DockerClient(endpoint: settings.dockerEndpoint, logger: logger), blueprint: settings.blueprint)
        var agentSettings = settings.agentSettings(droneID)
        #if DEBUG
        if let pass = FaultSwitch.fromEnvironment() { agentSettings.pass = pass }
        #endif
        let agent = try await DroneAgent(
            agentSettings, store: store, engine: engine, feeds: engine,
            bus: PlaneBus(connection: connection, replySubjects: settings.nats.replySubjects, logger: logger), logger: logger)
        return [NATSConnectionService(connection), agent]
    }
}
