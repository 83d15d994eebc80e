import NetworkAddresses
import PlaneClient
import PlaneClientTestSupport
import PlaneDoctor
import PlaneProtocol
import PlaneState
import Testing

@testable import plane

@Suite("A terminal of 80 columns") struct NarrowTerminalTests {
    private static let ids = ["0b7f6c1e-50c4-4a0e-9d55-6f2f4f3f2a10", "f0f7aa1e-1111-4222-8333-444455556666"]

    private static func console(width: Int? = 80) -> Console {
        var console = ConsoleRecorder().console()
        console.width = width
        return console
    }

    private static func list() throws -> BackendList {
        var fleet = FleetState()
        let cluster = try ClusterName.make("plane.localhost")
        for (index, id) in Self.ids.enumerated() {
            let assignment = BackendAssignment(
                drone: try .make("drone-9a8824c1-of-a-long-name"), bearerToken: nil,
                lockAssignment: LockAssignment(
                    lock: try #require(LockName(rawValue: "documents/2026/a-quite-long-title-\(index)")), uid: LockUID(rawValue: UInt64(index))))
            for change in [
                BackendMessage.Change.assignment(assignment), .state(.timedOutBeforeReady, at: StateTime(milliseconds: 1_700_000_000_000)),
            ] {
                fleet.apply(
                    .cluster(cluster, .backend(BackendMessage(backend: try .make(id), change: change))), sequence: UInt64(fleet.sequence + 1),
                    published: WireTime(seconds: 0))
            }
        }
        return BackendList(cluster: cluster, backends: fleet.backends(in: cluster), showsEnded: true)
    }

    private static let now = StateTime(milliseconds: 1_700_000_100_000)

    @Test("the list of backends fits, and each id can still be pasted")
    func list() throws {
        let lines = try Self.list().lines(now: Self.now, Self.console())
        for line in lines { #expect(line.count <= 80, "\(line)") }
        for id in Self.ids {
            let shown = try #require(lines.compactMap { $0.split(separator: " ").first }.first { $0.hasPrefix(id.prefix(8)) })
            let reference = try #require(BackendReference(String(shown)))
            #expect(id.hasPrefix(reference.id.rawValue))
        }
    }

    @Test("a pipe gets whole names")
    func pipe() throws {
        let text = try Self.list().lines(now: Self.now, Self.console(width: nil)).joined(separator: "\n")
        for id in Self.ids { #expect(text.contains("\(id).plane.localhost")) }
        #expect(!text.contains("…"))
    }

    @Test("states stand in columns there, with what is said of them below, and between tabs in a pipe")
    func status() throws {
        let detail = BackendStatusDetail(
            cause: .containerRefused, message: "create container: exec: \"nothing\": executable file not found in $PATH: unknown")
        let line = BackendStatusLine(try .make(.errorLoading, backend: Self.ids[0], detail: detail))
        let shown = line.text(Self.console()).split(separator: "\n")
        #expect(shown.count == 3)
        for line in shown { #expect(line.count <= 80 && !line.contains("\t"), "\(line)") }
        #expect(line.text(Self.console(width: nil)).split(separator: "\t").count == 4)
    }

    // MARK: Other listings

    private static func expectNarrow(_ lines: [String], sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(!lines.isEmpty, sourceLocation: sourceLocation)
        for line in lines { #expect(line.count <= 80, "\(line)", sourceLocation: sourceLocation) }
    }

    private static func fleet() throws -> FleetState {
        var fleet = FleetState()
        let cluster = try ClusterName.make("plane.localhost")
        var changes: [ClusterStateMessage] = []
        for name in ["drone-9a8824c1-of-a-long-name-in-the-cellar", "drone-1c77b0f3-of-a-long-name-in-the-attic"] {
            let id = try DroneID.make(name)
            let ip = try #require(IPAddress("2001:db8:1234:5678:9abc:def0:1234:5678"))
            changes.append(.drone(DroneMessage(drone: id, change: .metadata(DroneMetadata(ip: ip, version: "2026.11.0-rc1", gitHash: "0123456789abcdef")))))
            changes.append(.drone(DroneMessage(drone: id, change: .state(.draining, at: Self.now))))
        }
        for (index, state) in BackendState.allCases.enumerated() {
            changes.append(.backend(BackendMessage(backend: try .make("b-\(index)"), change: .state(state, at: Self.now))))
        }
        for change in changes {
            fleet.apply(.cluster(cluster, change), sequence: UInt64(fleet.sequence + 1), published: WireTime(seconds: 0))
        }
        return fleet
    }

    @Test("the list of drones fits, with long names, long versions and IPv6")
    func drones() throws {
        let fleet = try Self.fleet()
        let cluster = try ClusterName.make("plane.localhost")
        let list = DroneList(cluster: cluster, drones: fleet.drones(in: cluster))
        Self.expectNarrow(list.lines(now: Self.now, Self.console()))
        #expect(list.lines(now: Self.now, Self.console(width: nil)).joined().contains("2001:db8:1234:5678:9abc:def0:1234:5678"))
    }

    @Test("the state of the fleet fits, with every state of drones and backends")
    func overview() throws {
        let overview = SystemOverview(fleet: try Self.fleet(), now: Self.now)
        Self.expectNarrow(overview.lines(Self.console()))
        #expect(overview.lines(Self.console(width: nil)).count == 4)
        let words = overview.lines(Self.console()).joined(separator: " ").split(separator: " ").joined(separator: " ")
        #expect(words == overview.lines(Self.console(width: nil)).joined(separator: " ").split(separator: " ").joined(separator: " "), "nothing is lost")
    }

    @Test("the lists of connections and of use fit")
    func connections() throws {
        let cluster = try ClusterName.make("plane.localhost")
        let drone = try DroneID.make("drone-9a8824c1-of-a-long-name-in-the-cellar")
        let items = try Self.ids.map {
            ConnectionList.Item(drone: drone, entry: OpenConnections.Entry(backend: try .make($0), requests: 123_456, webSockets: 123_456))
        }
        let proxy = ProxyStatusMessage(
            proxy: try #require(ProxyID(rawValue: "px-9a8824c1-of-a-long-name-in-the-cellar")), cluster: cluster, version: "2026.11.0-rc1", isReady: false,
            openRequests: 123_456, stateAge: 1)
        Self.expectNarrow(ConnectionList(cluster: cluster, proxies: [proxy], items: items).lines(Self.console()))
        var table = UsageTable()
        for id in Self.ids {
            table.heard(
                BackendStatsMessage(
                    cluster: cluster, droneID: drone, backendID: try .make(id), memoryUsedBytes: 1 << 30, memoryAvailableBytes: 8 << 30,
                    cpuUsedNanoseconds: 1, systemCPUNanoseconds: 1000), at: .now)
        }
        Self.expectNarrow(table.lines(by: .cpu, Self.console()))
    }

    @Test("the story of a backend fits: what is said of a state stands below it")
    func story() throws {
        var report = BackendReport(backend: try .make(Self.ids[0]), cluster: try .make("plane.localhost"))
        report.drone = try .make("drone-9a8824c1")
        let phases = SpawnPhases(scheduled: -2000, accepted: 0, pulled: 12_345_678, created: 12_400_000, started: 13_400_000, ready: 14_500_000)
        report.states = [
            try .make(.loading, backend: Self.ids[0], detail: BackendStatusDetail(requestedBy: "somebody-with-a-long-name@machine-with-a-long-name.example")),
            try .make(.ready, backend: Self.ids[0], detail: BackendStatusDetail(phases: phases)),
            try .make(
                .failed, backend: Self.ids[0],
                detail: BackendStatusDetail(
                    cause: .containerRefused, message: "create container: exec: \"nothing\": executable file not found in $PATH: unknown")),
        ]
        let lines = report.lines(now: Self.now, Self.console())
        Self.expectNarrow(lines)
        #expect(lines.contains { $0.hasSuffix("Failed") } && lines.contains { $0.hasPrefix("        create container:") })
        #expect(report.lines(now: Self.now, Self.console(width: nil)).contains { $0.contains("Failed: create container:") })
    }

    @Test("the way to ready, and what cleanup forgets, fit")
    func others() throws {
        let phases = SpawnPhases(scheduled: -2000, accepted: 0, pulled: 12_345_678, created: 12_400_000, started: 13_400_000, ready: 14_500_000)
        let backend = ScheduledBackend(drone: try .make("drone-a"), backendID: try .make(Self.ids[0]), bearerToken: nil, spawned: true)
        let report = SpawnReport(cluster: try .make("plane.localhost"), backend: backend, state: .ready, phases: phases, elapsed: .milliseconds(14_502))
        Self.expectNarrow(report.readyLines(Self.console()))
        #expect(report.readyLines(Self.console(width: nil)) == [report.readyLine] && report.readyLine.count > 80)
        let plan = CleanupPlan(fleet: try Self.fleetOfEnded(), cluster: nil, olderThan: .zero, includeMissingState: false, now: Self.now)
        let item = try #require(plan.items.first)
        let line = CleanupCommand.line(item, isDry: true, Self.console())
        #expect(line.count <= 80 && line.hasPrefix("would forget \(Self.ids[0].prefix(8))") && line.hasSuffix("(TimedOutBeforeReady)"), "\(line)")
        #expect(CleanupCommand.line(item, isDry: false, Self.console(width: nil)) == "forgot \(Self.ids[0]).plane.localhost (TimedOutBeforeReady)")
    }

    private static func fleetOfEnded() throws -> FleetState {
        var fleet = FleetState()
        fleet.apply(
            .cluster(
                try .make("plane.localhost"),
                .backend(
                    BackendMessage(
                        backend: try .make(Self.ids[0]), change: .state(.timedOutBeforeReady, at: StateTime(milliseconds: 1_700_000_000_000))))),
            sequence: 1, published: WireTime(seconds: 0))
        return fleet
    }

    @Test("findings of the doctor are broken between words")
    func doctor() {
        let finding = DoctorFinding(
            .bad, "agents", "Nobody answers for drone-9a8824c1: its agent does not run, or is not connected to NATS.",
            advice: "There: systemctl status plane-drone-agent, and look at its log, which says why it has ended.")
        let lines = finding.lines(Self.console())
        #expect(lines.count == 4)
        for line in lines { #expect(line.count <= 80, "\(line)") }
        #expect(finding.lines(Self.console(width: nil)).count == 2)
    }

    @Test("the column of a memory limit is empty where there is none")
    func noLimit() throws {
        var table = UsageTable()
        let sample = BackendStatsMessage(
            cluster: try .make("plane.test"), droneID: try .make("drone-a"), backendID: try .make("b1"), memoryUsedBytes: 1 << 20,
            memoryAvailableBytes: 8 << 30, cpuUsedNanoseconds: 1, systemCPUNanoseconds: 1000)
        table.heard(sample, at: .now)
        #expect(table.lines(by: .cpu, .plain).last?.hasSuffix("8.0 GiB") == true)
        table.heard(
            DroneStatsMessage(
                numberOfCPUs: 1, cpuUsagePercent: [1], memoryAvailableBytes: 1, memoryTotalBytes: 8 << 30, numberOfDisks: 0, diskAvailableBytes: [],
                diskTotalBytes: [], cluster: try .make("plane.test"), drone: try .make("drone-a")))
        #expect(table.lines(by: .cpu, .plain).last?.hasSuffix("  -") == true)
    }
}
