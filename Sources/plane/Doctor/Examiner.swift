import NATS
import NetworkAddresses
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneState
import Synchronization

/// Looks at a running system from outside: NATS, streams, signs of life, names, certificates.
struct Examiner {
    let bus: PlaneBus
    /// Where drones serve HTTPS; nil for where each of them says it does.
    let httpsPort: UInt16?

    /// Schedulers write one a second.
    static let heartbeatLimit: Duration = .seconds(4)
    /// Drones give one every 4 s.
    static let statusLimit: Duration = .seconds(5)

    func examine() async throws -> Examination {
        var examination = Examination(now: .now())
        for name in [WorldReader.stream, BackendHistory.stream, BackendLog.stream] {
            examination.streams.append((name, try await self.stream(name)))
        }
        // Where NATS's permissions forbid these two, the rest is examined all the same.
        examination.allStreams = (try? await self.bus.connection.jetStream.streams()) ?? []
        examination.store = await self.store()
        guard examination.streams.allSatisfy({ $0.info != nil }) else { return examination }
        await self.listen(for: &examination)
        let reading = try await WorldReader(bus: self.bus).readWithClocks()
        examination.world = reading.world
        examination.schedulerClockDifference = reading.schedulerClockDifference
        examination.now = .now()
        if !examination.sawHeartbeat, let cluster = examination.world.clusterNames.first {
            examination.complaint = await self.complaint(about: cluster)
        }
        examination.isolation = await self.isolation(of: examination)
        for cluster in examination.world.clusterNames {
            guard let (host, address, endpoint) = self.example(of: cluster, in: examination.world) else { continue }
            let found = await AddressLookup.addresses(of: host)
            examination.lookups.append(.init(host: host, expected: address, found: found))
            guard let port = self.httpsPort ?? endpoint.httpsPort(in: cluster) else { continue }
            examination.handshakes.append(await CertificateProbe.handshake(with: address, port: port, host: host))
        }
        return examination
    }

    private func stream(_ name: String) async throws -> StreamInfo? {
        do {
            return try await self.bus.connection.jetStream.streamInfo(name)
        } catch where error.code == .streamNotFound {
            return nil
        }
    }

    private func store() async -> StoreUsage? {
        let jetStream = self.bus.connection.jetStream
        if let leases = try? await self.stream(Self.leases), let store = try? await jetStream.store(probing: leases) { return store }
        return (try? await jetStream.storeUsed()).map { StoreUsage(used: $0) }
    }

    /// The stream that says which scheduler does what one is enough for.
    private static let leases = "plane_leases"

    /// What a scheduler says to a question that changes nothing, if there is one and it cannot answer.
    private func complaint(about cluster: ClusterName) async -> String? {
        guard let lock = LockName(rawValue: "plane-doctor") else { return nil }
        let reply = try? await self.bus.request(FetchBackendForLock(cluster: cluster, lock: lock), timeout: Self.heartbeatLimit)
        guard case .error(let error)? = reply else { return nil }
        return error.message
    }

    private func listen(for examination: inout Examination) async {
        let difference = try? await withDeadline(Self.heartbeatLimit, of: "waiting for a heartbeat") { () -> Duration? in
            let consumer = try await self.bus.connection.jetStream.orderedConsumer(
                stream: WorldReader.stream, filter: WorldStateMessage.heartbeat.subject, from: .new)
            for await message in consumer {
                return WorldTime.now().since(WireTime(message.published).worldTime)
            }
            return nil
        }
        examination.sawHeartbeat = difference != nil
        examination.clockDifference = difference ?? nil
    }

    /// What drones that live say with their signs of life of their firewalls.
    private func isolation(of examination: Examination) async -> [DroneID: Bool] {
        let statuses = Statuses()
        let connection = self.bus.connection
        await withTaskGroup(of: Void.self) { group in
            for cluster in examination.world.clusterNames {
                let living = Set(examination.livingDrones(in: cluster).map(\.id))
                guard !living.isEmpty else { continue }
                let subject = "cluster.\(cluster.subjectToken).drone.*.status"
                group.addTask {
                    // Those that are silent are told of already.
                    _ = try? await withDeadline(Self.statusLimit, of: "waiting for drones") {
                        var silent = living
                        for await message in try connection.subscribe(subject) {
                            guard let status = try? WireCodec.decode(DroneStatusMessage.self, from: message.payload, subject: message.subject)
                            else { continue }
                            statuses.hear(status)
                            silent.remove(status.droneID)
                            if silent.isEmpty { return }
                        }
                    }
                }
            }
        }
        return statuses.isolation
    }

    private final class Statuses: Sendable {
        private let heard = Mutex<[DroneID: Bool]>([:])

        var isolation: [DroneID: Bool] { self.heard.withLock { $0 } }

        func hear(_ status: DroneStatusMessage) {
            guard let isIsolated = status.isIsolated else { return }
            self.heard.withLock { $0[status.droneID] = isIsolated }
        }
    }

    /// A host name of the cluster, and where it should lead: to the drone of a running backend.
    private func example(of cluster: ClusterName, in world: WorldState) -> (host: String, address: IPAddress, endpoint: PublicEndpoint)? {
        for backend in world.backends(in: cluster) where backend.state == .ready {
            guard let address = world.address(of: backend.id, in: cluster) else { continue }
            let metadata = backend.drone.flatMap { world.drone($0, in: cluster)?.metadata }
            return (backend.id.hostName(in: cluster), address, metadata?.endpoint ?? PublicEndpoint())
        }
        return nil
    }
}
