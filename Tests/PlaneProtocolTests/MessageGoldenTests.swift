import JSONValues
import Testing

@testable import PlaneProtocol

@Suite("Messages that are not answered, on the wire")
struct MessageGoldenTests {
    @Test("M7: a drone's status")
    func droneStatus() throws {
        let ready = DroneStatusMessage(
            droneID: Sample.drone, cluster: Sample.cluster, droneVersion: "0.3.24", state: .ready, runningBackends: 3)
        try expectGolden("M07-drone-status.documented", is: ready)
        #expect(ready.subject == "cluster.plane_test.drone.drone-a.status")

        let silent = DroneStatusMessage(
            droneID: Sample.drone, cluster: Sample.cluster, droneVersion: "0.3.24", state: .ready, runningBackends: nil)
        try expectReadable("M07-drone-status.smallest", as: silent)
        try expectReadable("M07-drone-status.null-count", as: silent)

        let draining = DroneStatusMessage(
            droneID: Sample.drone, cluster: Sample.cluster, droneVersion: "0.3.24", state: .draining, runningBackends: nil)
        try expectGolden("M07-drone-status.draining", is: draining)

        let limited = DroneStatusMessage(
            droneID: Sample.drone, cluster: Sample.cluster, droneVersion: "0.4.0", state: .ready, runningBackends: 3, maxBackends: 200)
        try expectGolden("M07-drone-status.with-limit", is: limited)
    }

    @Test("M9: a backend's state in the public feed")
    func backendState() throws {
        let state = BackendStateMessage(
            cluster: Sample.cluster, state: .ready, backend: Sample.backend,
            time: WireTime(seconds: 1_710_148_531, nanoseconds: 4_000_000))
        try expectGolden("M09-backend-state.documented", is: state)
        #expect(state.subject == "backend.0b7f6c1e-50c4-4a0e-9d55-6f2f4f3f2a10.status")

        let update = UpdateBackendStateMessage(
            cluster: Sample.cluster, state: .exited, backend: Sample.backend, time: WireTime(seconds: 1_710_148_531), drone: Sample.drone,
            detail: BackendStatusDetail(cause: .exitedByItself, exitCode: 0))
        try expectGolden("M09-backend-state.with-detail", is: BackendStateMessage(update))
    }

    @Test("M10: a piece of a backend's log")
    func log() throws {
        let line = BackendLogMessage(
            backendID: Sample.backend, kind: .stdout, text: "2024-03-11T09:15:31.100000001Z listening on 8080\n")
        try expectGolden("M10-log.documented", is: line)
        #expect(line.subject == "backend.0b7f6c1e-50c4-4a0e-9d55-6f2f4f3f2a10.log")
        let own = line.ownSubject(drone: Sample.drone, cluster: Sample.cluster)
        #expect(own == "cluster.plane_test.drone.\(Sample.drone).backend.0b7f6c1e-50c4-4a0e-9d55-6f2f4f3f2a10.log")
        try expectGolden("M10-log.meta", is: BackendLogMessage(backendID: Sample.backend, kind: .meta, text: "ended"))
    }

    @Test("M11: what a backend uses")
    func backendStats() throws {
        let stats = BackendStatsMessage(
            cluster: Sample.cluster, droneID: Sample.drone, backendID: Sample.backend, memoryUsedBytes: 10_485_760,
            memoryAvailableBytes: 268_435_456, cpuUsedNanoseconds: 51_200_000, systemCPUNanoseconds: 20_480_000_000)
        try expectGolden("M11-backend-stats.documented", is: stats)
        #expect(stats.subject == "cluster.plane_test.backend.0b7f6c1e-50c4-4a0e-9d55-6f2f4f3f2a10.stats")
        #expect(stats.ownSubject == "cluster.plane_test.drone.\(Sample.drone).backend.0b7f6c1e-50c4-4a0e-9d55-6f2f4f3f2a10.stats")

        let idle = BackendStatsMessage(
            cluster: Sample.cluster, droneID: nil, backendID: Sample.backend, memoryUsedBytes: 0, memoryAvailableBytes: .max,
            cpuUsedNanoseconds: 0, systemCPUNanoseconds: 0)
        try expectGolden("M11-backend-stats.no-drone", is: idle)
        try expectReadable("M11-backend-stats.missing-drone", as: idle)
    }

    @Test("M13: the deprecated DNS record")
    func setDNS() throws {
        let record = SetDNSRecord(cluster: Sample.cluster, kind: .a, name: Sample.backend.rawValue, value: "203.0.113.7")
        try expectGolden("M13-set-dns.documented", is: record)
        #expect(record.subject == "cluster.plane_test.dns.A")
        let text = SetDNSRecord(
            cluster: Sample.cluster, kind: .txt, name: "_acme-challenge", value: "gfj9Xq0Rg85nM3pQ7vB2tYw6LsKzDhJcUeAoNiPxTrE")
        try expectGolden("M13-set-dns.text", is: text)
    }

    @Test("M15: a log event")
    func logEvent() throws {
        let event = LogMessage(
            component: .drone(Sample.drone), target: "agent", name: "event agent.rs:10", severity: .info,
            time: WireTime(seconds: 1_710_148_530, nanoseconds: 500_000_000),
            fields: ["message": "Container is up", "backend_id": JSONValue.string(Sample.backend.rawValue)])
        try expectGolden("M15-log-event.drone", is: event)
        #expect(event.subject == "logs.drone.drone-a")

        let controller = LogMessage(
            component: .controller, target: "scheduler", name: "placed", severity: .trace, time: WireTime(seconds: 1_710_148_530),
            fields: [
                "attempt": .number(JSONNumber(2)), "candidates": .array(["drone-a", .null]), "load": JSONValue(embedding: "0.50"),
                "message": JSONValue(embedding: "placed"), "ok": .bool(true),
                "spec": JSONValue(embedding: "{\"port\": 18446744073709551616}"),
            ])
        try expectGolden("M15-log-event.controller", is: controller)
        #expect(controller.subject == "logs.controller")
    }

    @Test("M16: what a drone's machine uses")
    func droneStats() throws {
        let stats = DroneStatsMessage(
            numberOfCPUs: 2, cpuUsagePercent: [12.5, 3], memoryAvailableBytes: 4 << 30, memoryTotalBytes: 8 << 30, numberOfDisks: 1,
            diskAvailableBytes: [50 << 30], diskTotalBytes: [100 << 30], cluster: "plane_test", drone: Sample.drone)
        try expectGolden("M16-drone-stats.documented", is: stats)
        #expect(stats.subject == "cluster.plane_test.drone.drone-a.stats")
        let idle = DroneStatsMessage(
            numberOfCPUs: 2, cpuUsagePercent: [12, 10], memoryAvailableBytes: 0, memoryTotalBytes: 0, numberOfDisks: 0,
            diskAvailableBytes: [], diskTotalBytes: [], cluster: "plane_test", drone: Sample.drone)
        try expectReadable("M16-drone-stats.whole-percents", as: idle)
    }
}
