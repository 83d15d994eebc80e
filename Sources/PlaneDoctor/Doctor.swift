import NATS
import NetworkAddresses
package import PlaneClient
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneState
import Synchronization
import StateReplication

/// Looks at a running system from outside: NATS, streams, signs of life, names, certificates.
package struct Doctor: Sendable {
    private let client: PlaneClient
    private let httpsPort: UInt16?

    /// Schedulers write one a second.
    static let heartbeatLimit: Duration = .seconds(4)
    /// Drones give one every 4 s.
    static let statusLimit: Duration = .seconds(5)

    /// - Parameter httpsPort: where drones serve HTTPS; nil for where each of them says it does.
    package init(_ client: PlaneClient, httpsPort: UInt16? = nil) {
        self.client = client
        self.httpsPort = httpsPort
    }

    /// Looks, for some ten seconds. What is wrong with the system is in the report.
    /// - Throws: when NATS cannot be asked at all.
    package func report() async throws(PlaneError) -> DoctorReport {
        var report = DoctorReport(now: .now())
        for name in [StateStream.name, HistoryStream.statuses, HistoryStream.logs] {
            report.streams.append((name, try await self.stream(name)))
        }
        // Where NATS's permissions forbid these two, the rest is examined all the same.
        report.allStreams = (try? await self.jetStream.streams()) ?? []
        report.store = await self.store()
        guard report.streams.allSatisfy({ $0.info != nil }) else { return report }
        await self.listen(for: &report)
        let mirror = try await self.client.readMirror()
        report.world = mirror.snapshot
        report.schedulerClockDifference = mirror.schedulerClockDifference
        report.now = .now()
        if !report.sawHeartbeat, let cluster = report.world.clusterNames.first {
            report.complaint = await self.complaint(about: cluster)
        }
        report.isolation = await self.isolation(in: report)
        for cluster in report.world.clusterNames {
            guard let (host, address, endpoint) = self.example(of: cluster, in: report.world) else { continue }
            let found = await AddressLookup.addresses(of: host)
            report.lookups.append(.init(host: host, expected: address, found: found))
            guard let port = self.httpsPort ?? endpoint.httpsPort(in: cluster) else { continue }
            report.handshakes.append(await CertificateProbe.handshake(with: address, port: port, host: host))
        }
        return report
    }

    private var jetStream: JetStream { self.client.bus.connection.jetStream }

    private func stream(_ name: String) async throws(PlaneError) -> StreamInfo? {
        do throws(NATSError) {
            return try await self.jetStream.streamInfo(name)
        } catch {
            guard error.code == .streamNotFound else { throw PlaneError(error) }
            return nil
        }
    }

    private func store() async -> StoreUsage? {
        let jetStream = self.jetStream
        if let leases = try? await self.stream(Self.leases), let store = try? await jetStream.store(probing: leases) { return store }
        return (try? await jetStream.storeUsed()).map { StoreUsage(used: $0) }
    }

    /// The stream that says which scheduler does what one is enough for.
    private static let leases = "plane_leases"

    /// What a scheduler says to a question that changes nothing, if there is one and it cannot answer.
    private func complaint(about cluster: ClusterName) async -> String? {
        guard let lock = LockName(rawValue: "plane-doctor") else { return nil }
        do throws(PlaneError) {
            _ = try await self.client.holder(of: lock, in: cluster, limit: Self.heartbeatLimit)
            return nil
        } catch {
            guard case .refused(let reply) = error else { return nil }
            return reply.message
        }
    }

    private func listen(for report: inout DoctorReport) async {
        report.clockDifference = try? await self.client.nextHeartbeat(limit: Self.heartbeatLimit)
        report.sawHeartbeat = report.clockDifference != nil
    }

    /// What drones that live say with their signs of life of their firewalls.
    private func isolation(in report: DoctorReport) async -> [DroneID: Bool] {
        await withTaskGroup(of: [DroneID: Bool].self) { group in
            for cluster in report.world.clusterNames {
                let living = Set(report.livingDrones(in: cluster).map(\.id))
                guard !living.isEmpty else { continue }
                group.addTask { await self.isolation(of: living, in: cluster) }
            }
            return await group.reduce(into: [:]) { all, told in all.merge(told) { _, new in new } }
        }
    }

    /// Ends when each of them has said something, or in time: those that are silent are told of already.
    private func isolation(of drones: Set<DroneID>, in cluster: ClusterName) async -> [DroneID: Bool] {
        let told = Mutex<[DroneID: Bool]>([:])
        // What was heard until then counts.
        try? await withTimeLimit(Self.statusLimit, of: "waiting for drones") { () async throws(PlaneError) in
            var silent = drones
            for await status in try self.client.droneStatuses(in: cluster) {
                if let isIsolated = status.isIsolated { told.withLock { $0[status.droneID] = isIsolated } }
                silent.remove(status.droneID)
                if silent.isEmpty { return }
            }
        }
        return told.withLock { $0 }
    }

    /// A host name of the cluster, and where it should lead: to the drone of a running backend.
    private func example(of cluster: ClusterName, in world: FleetState) -> (host: String, address: IPAddress, endpoint: PublicEndpoint)? {
        for backend in world.backends(in: cluster) where backend.state == .ready {
            guard let address = world.address(of: backend.id, in: cluster) else { continue }
            let metadata = backend.drone.flatMap { world.drone($0, in: cluster)?.metadata }
            return (backend.id.hostName(in: cluster), address, metadata?.endpoint ?? PublicEndpoint())
        }
        return nil
    }
}
