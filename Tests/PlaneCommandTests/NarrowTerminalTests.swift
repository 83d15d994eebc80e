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
