import ClusterNames
import DNSCore
import Foundation
import Logging
import NATS
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneTestSupport
import SchedulerCore
import Testing

/// The programs `scheduler` and `dns` on a nats-server of their own, as an operator starts them.
final class DNSService: Sendable {
    /// Where `dns` answers, UDP and TCP.
    let port: UInt16
    let metricsPort: UInt16
    let server: NATSServer
    let bus: PlaneBus
    let dns: TestProcess
    private let scheduler: TestProcess

    private init(
        port: UInt16, metricsPort: UInt16, server: NATSServer, bus: PlaneBus, dns: TestProcess, scheduler: TestProcess
    ) {
        self.port = port
        self.metricsPort = metricsPort
        self.server = server
        self.bus = bus
        self.dns = dns
        self.scheduler = scheduler
    }

    /// - Parameter bindIP: `dns` answers on it.
    static func run(
        bindIP: String = "127.0.0.1", port: UInt16? = nil, _ body: @Sendable (DNSService) async throws -> Void
    ) async throws {
        try await withNATSServer { server in
            let port = try port ?? freeLoopbackPort()
            let metricsPort = try freeLoopbackPort()
            let directory = try TemporaryDirectory()
            let file = directory.file("controller.toml")
            try """
            nats.hosts = ["\(server.url)"]
            [dns]
            port = \(port)
            bind_ip = "\(bindIP)"
            soa_email = "host.master@plane.test"
            domain_name = "ns1.plane.test"
            name_servers = { "ns1.plane.test" = ["\(bindIP)"], "ns2.plane.test" = ["2001:db8::53"] }
            caa = ["0 issue \\"letsencrypt.org\\"", "0 iodef \\"mailto:ops@plane.test\\""]
            metrics.port = \(metricsPort)
            """.write(toFile: file, atomically: true, encoding: .utf8)
            let scheduler = try TestProcess.ours("scheduler", [file])
            let dns = try TestProcess.ours("dns", [file])
            try await scheduler.line(containing: "scheduler is ready")
            try await dns.line(containing: "dns is ready")
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let connection = try await NATSConnection.connect(NATSOptions(servers: [server.url]), logger: logger)
            let service = DNSService(
                port: port, metricsPort: metricsPort, server: server, bus: PlaneBus(connection: connection, logger: logger), dns: dns,
                scheduler: scheduler)
            try await body(service)
            await connection.drain(timeout: .seconds(1))
            await dns.stop(.kill)
            await scheduler.stop(.kill)
        }
    }

    /// Returns the sequence of the message in the stream.
    @discardableResult
    func write(_ message: StateMessage) async throws -> UInt64 {
        try await StateWriter(jetStream: self.bus.connection.jetStream).write(message)
    }

    /// Two drones, one backend on each, two challenge texts, and everything visible.
    func fill() async throws {
        for message in [
            .register(), .register("drone-b", .v6), .assign("one"), .assign("six", to: "drone-b"), .cluster(.plane, .acme("first")),
            .cluster(.plane, .acme("second", earlier: ["first"])),
        ] as [StateMessage] {
            try await self.write(message)
        }
        try await eventually("the last message is answered for") { try await self.dig("_acme-challenge.plane.test", "TXT").count == 2 }
    }

    /// The short answers of dig, sorted.
    func dig(_ arguments: String...) async throws -> [String] {
        try await self.output("dig", arguments + ["+short"]).sorted()
    }

    /// Everything that dig prints.
    func fullDig(_ arguments: String...) async throws -> String {
        try await self.output("dig", arguments).joined(separator: "\n")
    }

    private func output(_ program: String, _ arguments: [String]) async throws -> [String] {
        try await TestProcess.run("/usr/bin/\(program)", ["@127.0.0.1", "-p", "\(self.port)", "+norecurse"] + arguments)
            .filter { !$0.isEmpty }
    }

    func metrics() async throws -> String {
        let connection = try await LoopbackConnection(port: self.metricsPort)
        try await connection.send("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        let page = String(decoding: try await connection.receiveToEnd(), as: UTF8.self)
        #expect(try await MetricsLinter.findings(in: page) == [])
        return page
    }
}
