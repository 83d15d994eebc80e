import NATS
import NetworkAddresses
package import PlaneClient
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneState
import Synchronization
import StateReplication

/// Examines a running system from outside: NATS, streams, heartbeats and statuses, names, certificates.
package struct Doctor: Sendable {
    private let client: PlaneClient
    private let httpsPort: UInt16?

    /// How long to wait for a heartbeat; schedulers write one every second.
    static let heartbeatLimit: Duration = .seconds(4)
    /// How long to wait for statuses of drones; each sends one every 4 s.
    static let statusLimit: Duration = .seconds(5)

    /// - Parameter httpsPort: the port at which drones serve HTTPS; nil uses the one that each drone reports.
    package init(_ client: PlaneClient, httpsPort: UInt16? = nil) {
        self.client = client
        self.httpsPort = httpsPort
    }

    /// Examines the system for some ten seconds. Problems are in the report.
    /// - Throws: if NATS cannot be reached.
    package func report() async throws(PlaneError) -> DoctorReport {
        var report = DoctorReport(now: .now())
        // Where we may not hear of proxies, they are not told of.
        async let proxies = try? self.client.tierProxies()
        for name in [StateStream.name, HistoryStream.statuses, HistoryStream.logs] {
            report.streams.append((name, try await self.stream(name)))
        }
        // If NATS's permissions forbid these two, everything else is examined nevertheless.
        report.allStreams = (try? await self.jetStream.streams()) ?? []
        report.store = await self.store()
        guard report.streams.allSatisfy({ $0.info != nil }) else { return report }
        await self.listen(for: &report)
        let mirror = try await self.client.readMirror()
        report.fleet = mirror.snapshot
        report.schedulerClockDifference = mirror.schedulerClockDifference
        report.now = .now()
        if !report.sawHeartbeat, let cluster = report.fleet.clusterNames.first {
            report.complaint = await self.complaint(about: cluster)
        }
        let signs = await self.signs(in: report)
        report.isolation = signs.isolation
        report.disks = signs.disks
        await self.askAgents(of: &report, heard: signs.heard)
        report.pages = await self.pages(in: report)
        report.handshakes = await self.handshakes(in: report)
        for cluster in report.fleet.clusterNames {
            guard let (host, address) = self.example(of: cluster, in: report.fleet) else { continue }
            let found = await AddressLookup.addresses(of: host)
            report.lookups.append(.init(host: host, expected: address, found: found))
        }
        report.tier = await proxies
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

    /// The stream with the lease that decides which scheduler does the housekeeping.
    private static let leases = "plane_leases"

    /// A scheduler's error in answer to a harmless question; nil if it can answer, or there is none.
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
        if report.sawHeartbeat { report.schedulerVersions = await self.schedulerVersions() }
    }

    /// The versions of the schedulers. Each replaces the last heartbeat in the stream by its own once a second, so several reads find all of them.
    private func schedulerVersions() async -> Set<String> {
        var versions: Set<String> = []
        for look in 0..<Self.heartbeatLooks {
            // If the task is cancelled, the versions seen so far are the result.
            if look > 0, (try? await Task.sleep(for: Self.heartbeatPause)) == nil { break }
            // If reading single messages is not permitted, versions are not told.
            guard let headers = try? await self.jetStream.headersOfLastMessage(stream: StateStream.name, subject: StateMessage.heartbeat.subject)
            else { break }
            if let version = headers[StateMessage.versionHeader] { versions.insert(version) }
        }
        return versions
    }

    /// How often the stream is read for heartbeats; with the pauses between, that takes somewhat longer than their interval.
    private static let heartbeatLooks = 8
    private static let heartbeatPause: Duration = .milliseconds(170)

    /// What was heard of drones within a few seconds.
    private struct DroneObservations: Sendable {
        var heard: Set<DroneID> = []
        /// What the drones report about their firewalls.
        var isolation: [DroneID: Bool] = [:]
        var disks: [DroneID: DoctorReport.Disk] = [:]

        mutating func merge(_ others: DroneObservations) {
            self.heard.formUnion(others.heard)
            self.isolation.merge(others.isolation) { _, new in new }
            self.disks.merge(others.disks) { _, new in new }
        }
    }

    /// What drones publish by themselves: a status every 4 s, and the use of their machines every second.
    private func signs(in report: DoctorReport) async -> DroneObservations {
        await withTaskGroup(of: DroneObservations.self) { group in
            for cluster in report.fleet.clusterNames {
                let living = Set(report.livingDrones(in: cluster).map(\.id))
                guard !living.isEmpty else { continue }
                group.addTask { await self.signs(of: living, in: cluster) }
            }
            return await group.reduce(into: DroneObservations()) { all, told in all.merge(told) }
        }
    }

    /// Ends when each of the drones has published something, or when the time is over.
    private func signs(of drones: Set<DroneID>, in cluster: ClusterName) async -> DroneObservations {
        let signs = ObservationCollector()
        // If listening to the use of machines is not permitted, it is left out.
        let usage = try? self.client.machineUsage()
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                // If the time is over, what was heard until then counts.
                try? await withTimeLimit(Self.statusLimit, of: "waiting for drones") { () async throws(PlaneError) in
                    var silent = drones
                    for await status in try self.client.droneStatuses(in: cluster) {
                        signs.value.withLock { signs in
                            signs.heard.insert(status.droneID)
                            if let isIsolated = status.isIsolated { signs.isolation[status.droneID] = isIsolated }
                        }
                        silent.remove(status.droneID)
                        if silent.isEmpty { return }
                    }
                }
            }
            if let usage {
                group.addTask {
                    for await message in usage where drones.contains(message.drone) {
                        if let disk = DoctorReport.Disk(message) { signs.value.withLock { $0.disks[message.drone] = disk } }
                    }
                }
            }
            await group.next()
            group.cancelAll()
        }
        return signs.value.withLock { $0 }
    }

    /// Written by the tasks that listen.
    private final class ObservationCollector: Sendable {
        let value = Mutex(DroneObservations())
    }

    /// Asks every drone that lives what is open there, whether its engine answers, and whether it has the image of the demo. Agents of 0.3 do not know the question, but give signs
    /// of life; older ones of ours do not know the second half of it.
    private func askAgents(of report: inout DoctorReport, heard: Set<DroneID>) async {
        let drones = report.fleet.clusterNames.flatMap { cluster in report.livingDrones(in: cluster).map { (drone: $0.id, cluster: cluster) } }
        var agents: [DroneID: DoctorReport.AgentAnswer] = [:]
        for answer in await self.client.openConnections(of: drones, asksEngine: true, images: [DoctorReport.demoImage]) {
            report.lackDemo[answer.drone] = answer.missingImages.map { !$0.isEmpty }
            report.engines[answer.drone] = answer.engine
            report.droneClockDifferences[answer.drone] = answer.clockDifference
            switch answer.failure {
            case nil: agents[answer.drone] = .answered
            case .notAnswered? where heard.contains(answer.drone): agents[answer.drone] = .answered
            case .notAnswered(let error, by: _)? where error.code == .noResponders: agents[answer.drone] = .nobody
            // Our own right to ask is no matter of the drone's.
            case .notAnswered(let error, by: _)? where error.code == .permissionDenied: break
            case .notAnswered?: agents[answer.drone] = .failed("not in time")
            case let failure?: agents[answer.drone] = .failed("\(failure)")
            }
        }
        report.agents = agents
    }

    /// Shakes hands with the proxies of all drones that live and serve HTTPS, some at a time, whether they have a backend or not.
    private func handshakes(in report: DoctorReport) async -> [DoctorReport.Handshake] {
        let targets = report.fleet.clusterNames.flatMap { cluster in
            report.livingDrones(in: cluster).compactMap { drone in
                drone.metadata.flatMap { metadata in
                    (self.httpsPort ?? metadata.endpoint.httpsPort(in: cluster)).map { (address: metadata.ip, port: $0, host: cluster.domain) }
                }
            }
        }
        return await withTaskGroup(of: DoctorReport.Handshake.self) { group in
            var handshakes: [DoctorReport.Handshake] = []
            for (index, target) in targets.enumerated() {
                if index >= Self.pagesAtOnce, let handshake = await group.next() { handshakes.append(handshake) }
                group.addTask { await CertificateProbe.handshake(with: target.address, port: target.port, host: target.host) }
            }
            for await handshake in group { handshakes.append(handshake) }
            return handshakes.sorted { $0.address < $1.address }
        }
    }

    /// Requests a page from the proxies of all live drones, `pagesAtOnce` at a time.
    private func pages(in report: DoctorReport) async -> [DoctorReport.Page] {
        let targets = report.fleet.clusterNames.flatMap { cluster in
            report.livingDrones(in: cluster).compactMap { drone in drone.metadata.map { (drone.id, cluster, $0) } }
        }
        return await withTaskGroup(of: DoctorReport.Page.self) { group in
            var pages: [DoctorReport.Page] = []
            for (index, (drone, cluster, metadata)) in targets.enumerated() {
                if index >= Self.pagesAtOnce, let page = await group.next() { pages.append(page) }
                group.addTask {
                    let isHTTPS = metadata.endpoint.scheme != .http
                    let port = metadata.endpoint.port(in: cluster)
                    let outcome = await PageProbe.ask(metadata.ip, port: port, host: "\(PageProbe.label).\(cluster.domain)", isHTTPS: isHTTPS)
                    return DoctorReport.Page(drone: drone, address: "\(SocketEndpoint(ip: metadata.ip, port: port))", outcome: outcome)
                }
            }
            for await page in group { pages.append(page) }
            return pages.sorted { $0.drone.rawValue < $1.drone.rawValue }
        }
    }

    /// How many requests run at the same time; each may take five seconds if nobody answers.
    private static let pagesAtOnce = 32

    /// A host name of the cluster, and where it should lead: to the drone of a running backend.
    private func example(of cluster: ClusterName, in fleet: FleetState) -> (host: String, address: IPAddress)? {
        for backend in fleet.backends(in: cluster) where backend.state == .ready {
            guard let address = fleet.address(of: backend.id, in: cluster) else { continue }
            return (backend.id.hostName(in: cluster), address)
        }
        return nil
    }
}
