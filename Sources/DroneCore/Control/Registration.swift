package import DroneCoreConfiguration
package import Logging
import LogKeys
import NATS
package import NetworkAddresses
package import PlaneMessaging
package import PlaneProtocol
import PlaneService
import Timing

/// Tells the schedulers that this drone exists and where visitors reach it, until one has acknowledged that, and again from time to time: the address may
/// change, and the state of the fleet may be lost.
package struct Registration: Sendable {
    /// Within this time a lost state knows the drone again. Ten thousand drones send 17 messages a second.
    private static let period = Duration.seconds(600)
    private static let answerLimit = Duration.seconds(5)

    private let drone: DroneID
    private let cluster: ClusterName
    private let address: OwnAddress
    private let endpoint: PublicEndpoint
    private let abilities: DroneAbilities
    private let bus: PlaneBus
    private let messenger: DroneMessenger
    private let time: AgentTime
    private let logger: Logger

    package init(
        drone: DroneID, cluster: ClusterName, address: OwnAddress, endpoint: PublicEndpoint, abilities: DroneAbilities = DroneAbilities(pool: .unnamed),
        bus: PlaneBus, messenger: DroneMessenger, time: AgentTime, logger: Logger
    ) {
        self.drone = drone
        self.cluster = cluster
        self.address = address
        self.endpoint = endpoint
        self.abilities = abilities
        self.bus = bus
        self.messenger = messenger
        self.time = time
        self.logger = logger
    }

    /// Registers, calls `whenRegistered` with the address each time that is done, and repeats the registration until cancelled.
    package func run(whenRegistered: @Sendable (IPAddress) -> Void) async {
        var registered: IPAddress?
        while !Task.isCancelled {
            let ip = await self.retry("find the drone's own address") { try await self.address.find() }
            guard let ip else { return }
            let isAnswered: Bool? = await self.retry("register the drone") { try await self.register(ip) }
            guard isAnswered != nil else { return }
            if registered != ip {
                self.logger.info("drone-agent is ready", metadata: [LogKey.drone: "\(self.drone)", LogKey.ip: "\(ip)"])
            }
            whenRegistered(ip)
            registered = ip
            await self.pause()
        }
    }

    private func register(_ ip: IPAddress) async throws -> Bool {
        let request = DroneConnectRequest(
            droneID: self.drone, version: BuildInformation.version, cluster: self.cluster, ip: ip, endpoint: self.endpoint,
            abilities: self.abilities)
        return try await self.messenger.send(request, timeout: Self.answerLimit)
    }

    /// Waits until the period is over, or until the connection comes back after a break: the server may have lost what it knew.
    private func pause() async {
        await withTaskGroup { group in
            group.addTask { _ = try? await self.time.sleep(Self.period) }  // cancelled is as good as over
            group.addTask {
                for await event in self.bus.connection.events where event == .reconnected {
                    self.messenger.forgetWorkingSubject()
                    return
                }
            }
            await group.next()
            group.cancelAll()
        }
    }

    /// - Returns: nil when cancelled.
    private func retry<Value>(_ attempt: String, _ body: () async throws -> Value) async -> Value? {
        var lastReason: String?
        for failures in 1... {
            do {
                return try await body()
            } catch {
                guard !Task.isCancelled else { return nil }
                // Each reason is logged once, since a scheduler or server may be away for long.
                let reason = "\(error)"
                self.logger.log(
                    level: reason == lastReason ? .debug : .warning, "trying again",
                    metadata: [LogKey.attempt: "\(attempt)", LogKey.error: "\(reason)"])
                lastReason = reason
            }
            guard (try? await self.time.sleep(RetrySchedule.peers.pause(after: failures))) != nil else { return nil }
        }
        return nil
    }
}
