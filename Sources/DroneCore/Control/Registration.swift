package import DroneCoreConfiguration
package import Logging
import LogKeys
import NATS
package import NetworkAddresses
package import PlaneMessaging
package import PlaneProtocol
import PlaneService
import Timing

/// Tells the schedulers that this drone exists and where visitors reach it, until one of them has it, and again from time to time: a
/// drone's address may change, and the cluster's memory of it may be lost.
package struct Registration: Sendable {
    /// A lost memory is mended within this time. Ten thousand drones are 17 messages a second.
    private static let period = Duration.seconds(600)
    private static let answerLimit = Duration.seconds(5)

    private let drone: DroneID
    private let cluster: ClusterName
    private let address: OwnAddress
    private let endpoint: PublicEndpoint
    private let abilities: DroneAbilities
    private let bus: PlaneBus
    private let voice: DroneMessenger
    private let logger: Logger

    package init(
        drone: DroneID, cluster: ClusterName, address: OwnAddress, endpoint: PublicEndpoint, abilities: DroneAbilities = DroneAbilities(pool: .unnamed),
        bus: PlaneBus, voice: DroneMessenger, logger: Logger
    ) {
        self.drone = drone
        self.cluster = cluster
        self.address = address
        self.endpoint = endpoint
        self.abilities = abilities
        self.bus = bus
        self.voice = voice
        self.logger = logger
    }

    /// Registers, reports each time that it is done with which address, and keeps the registration fresh until cancelled.
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
        return try await self.voice.say(request, timeout: Self.answerLimit)
    }

    /// Until the period is over, or the connection has come back from a break: the server may have lost what it knew.
    private func pause() async {
        await withTaskGroup { group in
            group.addTask { _ = try? await Task.sleep(for: Self.period) }  // cancelled is as good as over
            group.addTask {
                for await event in self.bus.connection.events where event == .reconnected {
                    self.voice.forgetWorkingSubject()
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
                // Once for each reason: a scheduler or a server may be away for long.
                let reason = "\(error)"
                self.logger.log(
                    level: reason == lastReason ? .debug : .warning, "trying again",
                    metadata: [LogKey.attempt: "\(attempt)", LogKey.error: "\(reason)"])
                lastReason = reason
            }
            guard (try? await Task.sleep(for: RetrySchedule.peers.pause(after: failures))) != nil else { return nil }
        }
        return nil
    }
}
