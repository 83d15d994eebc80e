import NATS
package import PlaneProtocol
import PlaneService

extension PlaneClient {
    /// The answer of one drone.
    package struct DroneConnections: Sendable {
        package var drone: DroneID
        package var cluster: ClusterName
        /// The connections, as far as the drone has answered.
        package var entries: [OpenConnections.Entry] = []
        /// What its engine made of being asked, where it was.
        package var engine: OpenConnections.EngineAnswer?
        /// The drone's clock less ours, when its answer came.
        package var clockDifference: Duration?
        /// Those of the images asked about that it lacks; nil where it has not said so.
        package var missingImages: [String]?
        package var failure: PlaneError?
    }

    /// Asks many drones, some at a time; in the order of their ids.
    /// - Parameters:
    ///   - asksEngine: Have each agent ask its container engine too, which may take seconds.
    ///   - images: Images of which each is asked whether its drone lacks them.
    package func openConnections(
        of drones: [(drone: DroneID, cluster: ClusterName)], asksEngine: Bool = false, images: [String] = []
    ) async -> [DroneConnections] {
        await withTaskGroup(of: DroneConnections.self) { group in
            var answers: [DroneConnections] = []
            for (index, (drone, cluster)) in drones.enumerated() {
                if index >= Self.maxConcurrentDrones, let answer = await group.next() { answers.append(answer) }
                group.addTask { await self.openConnections(of: drone, in: cluster, asksEngine: asksEngine, images: images) }
            }
            for await answer in group { answers.append(answer) }
            return answers.sorted { $0.drone.rawValue < $1.drone.rawValue }
        }
    }

    /// What visitors have open to the backends of a drone, in the order of the backends' ids; a second old at most.
    package func openConnections(
        of drone: DroneID, in cluster: ClusterName, asksEngine: Bool = false, images: [String] = []
    ) async -> DroneConnections {
        var answer = DroneConnections(drone: drone, cluster: cluster)
        do throws(PlaneError) {
            for _ in 0..<Self.mostParts {
                let last = answer.entries.last?.backend
                let isFirst = last == nil
                let request = OpenConnectionsRequest(
                    cluster: cluster, drone: drone, after: last, asksEngine: asksEngine && isFirst, images: isFirst ? images : [])
                let part = try await self.request(request, of: .agent(drone)).reply
                answer.entries += part.backends
                answer.engine = answer.engine ?? part.engine
                answer.missingImages = answer.missingImages ?? part.missingImages
                if let time = part.time { answer.clockDifference = time.stateTime.since(.now()) }
                if part.isComplete || part.backends.isEmpty { return answer }
            }
            // No drone has that many; this one makes them up.
            return answer
        } catch {
            answer.failure = error
            return answer
        }
    }

    /// Drones asked at the same time.
    private static let maxConcurrentDrones = 16
    /// Most parts of one drone's answer, of up to a thousand backends each.
    static let mostParts = 50

    /// The backends' use of their drones' resources, as agents publish it from now on, for each backend about every 5 s. There is one sequence for each
    /// subject on which agents publish, always including that of 0.3, since agents may be switched one after the other. What is published about a drone on
    /// another one's subject is skipped.
    /// - Parameter backend: the only backend that is wanted; nil for all.
    package func usage(of backend: BackendID? = nil) async throws(PlaneError) -> [PublishedMessages<BackendStatsMessage>] {
        var subjects = [backend.map { BackendStatsMessage.subscription(backend: $0) } ?? BackendStatsMessage.subscription]
        // If the configuration of the stream of lines cannot be read, agents are assumed to publish as in 0.3.
        if (try? await self.agentsNameThemselves()) ?? false {
            subjects.append(backend.map { BackendStatsMessage.ownSubscription(backend: $0) } ?? BackendStatsMessage.ownSubscription)
        }
        var usage: [PublishedMessages<BackendStatsMessage>] = []
        for subject in subjects {
            usage.append(
                try self.published(BackendStatsMessage.self, on: subject) { message in
                    guard let sample = try? WireCodec.decode(BackendStatsMessage.self, from: message.payload),
                        message.subject == sample.subject || message.subject == sample.ownSubject
                    else { return nil }
                    return sample
                })
        }
        return usage
    }

    /// The use of resources of the drones' machines, as it is published from now on, by each about once a second.
    package func machineUsage() throws(PlaneError) -> PublishedMessages<DroneStatsMessage> {
        try self.published(DroneStatsMessage.self, on: DroneStatsMessage.subscription)
    }

    /// The status messages of drones from now on, each about every 4 s.
    package func droneStatuses(
        in cluster: ClusterName, of drone: DroneID? = nil
    ) throws(PlaneError) -> PublishedMessages<DroneStatusMessage> {
        try self.published(DroneStatusMessage.self, on: "cluster.\(cluster.subjectToken).drone.\(drone?.rawValue ?? "*").status")
    }
}
