import Foundation
import NATS
import NetworkAddresses
import NIOCore
import NIOSSL
import PlaneClientTestSupport
import PlaneProtocol
import PlaneService
import PlaneState
import PlaneTestSupport
import ProxyCore
import Testing

@testable import PlaneDoctor

@Suite struct DoctorReportTests {
    private static let now = StateTime(milliseconds: 1_700_000_000_000)

    private static func fleet(version: String) throws -> FleetState {
        var fleet = FleetState()
        let cluster = try ClusterName.make("plane.test")
        for (sequence, message) in [
            DroneMessage(drone: try .make("drone-a"), change: .metadata(DroneMetadata(ip: .v4(0x0A00_0001), version: version))),
            DroneMessage(drone: try .make("drone-a"), change: .state(.ready, at: Self.now)),
            DroneMessage(drone: try .make("drone-a"), change: .keepAlive(at: Self.now)),
        ].enumerated() {
            fleet.apply(.cluster(cluster, .drone(message)), sequence: UInt64(sequence + 1), published: WireTime(Self.now))
        }
        return fleet
    }

    private func report(_ change: (inout DoctorReport) throws -> Void = { _ in }) throws -> DoctorReport {
        var report = DoctorReport(now: Self.now, fleet: try Self.fleet(version: "1"), sawHeartbeat: true)
        report.clockDifference = .milliseconds(3)
        try change(&report)
        return report
    }

    private func finding(_ check: String, _ change: (inout DoctorReport) throws -> Void) throws -> DoctorFinding {
        try #require(try self.report(change).findings.first { $0.check == check })
    }

    @Test("a system that is well has no bad finding")
    func well() throws {
        #expect(try self.report { $0.fleet = try Self.fleet(version: BuildInformation.version) }.findings.allSatisfy { $0.level == .good })
    }

    @Test("a drone whose firewall lets backends reach it is bad; of drones that are not asked to keep them away nothing is said")
    func isolation() throws {
        #expect(try self.report().findings.allSatisfy { $0.check != "isolation" })
        #expect(try self.finding("isolation") { $0.isolation = [try .make("drone-a"): true] }.level == .good)
        let open = try self.finding("isolation") { $0.isolation = [try .make("drone-a"): true, try .make("drone-b"): false] }
        #expect(open.level == .bad)
        #expect(open.text == "Backends reach what listens on their machine: drone-b.")
    }

    @Test("a drone whose agent gives no answer takes no backends, whatever it said half a minute ago")
    func agents() throws {
        #expect(try self.finding("agents") { $0.agents = [try .make("drone-a"): .answered] }.level == .good)
        let gone = try self.report { $0.agents = [try .make("drone-a"): .nobody] }.findings
        #expect(gone.first { $0.check == "agents" }?.text == "Nobody answers for drone-a: its agent does not run, or is not connected to NATS.")
        #expect(gone.first { $0.check == "drones" }?.level == .bad)
        #expect(try self.finding("agents") { $0.agents = [try .make("drone-a"): .failed("not in time")] }.level == .bad)
    }

    @Test("a Docker that does not answer is bad, whatever the agent says; of agents that were not asked nothing is said")
    func engines() throws {
        #expect(try self.report().findings.allSatisfy { $0.check != "docker" })
        #expect(try self.finding("docker") { $0.engines = [try .make("drone-a"): .answered] }.level == .good)
        let stopped = try self.finding("docker") {
            $0.engines = [try .make("drone-a"): .answered, try .make("drone-b"): .failed(reason: "no answer within 3 s")]
        }
        #expect(stopped.level == .bad)
        #expect(stopped.text == "Docker does not answer on drone-b: no answer within 3 s.")
        #expect(stopped.advice?.contains("systemctl status docker") == true)
    }

    @Test("of a tier is told who serves; who knows no state, or an old one, is bad; where nobody expects one nothing is said")
    func tier() throws {
        let cluster = try ClusterName.make("plane.test")
        func status(_ name: String, isReady: Bool = true, age: UInt64 = 1) throws -> ProxyStatusMessage {
            let proxy = try #require(ProxyID(rawValue: name))
            return ProxyStatusMessage(proxy: proxy, cluster: cluster, version: "1", isReady: isReady, openRequests: 4, stateAge: age)
        }
        func reached(_ report: inout DoctorReport) throws {
            let abilities = DroneAbilities(pool: .unnamed, innerPort: 8444)
            let metadata = DroneMetadata(ip: .v4(0x0A00_0001), version: "1", abilities: abilities)
            let message = DroneMessage(drone: try .make("drone-a"), change: .metadata(metadata))
            report.fleet.apply(.cluster(cluster, .drone(message)), sequence: 4, published: WireTime(Self.now))
        }
        #expect(try self.report { $0.tier = [] }.findings.allSatisfy { $0.check != "tier" })
        #expect(try self.report(reached).findings.allSatisfy { $0.check != "tier" }, "nobody could listen")
        let good = try self.finding("tier") {
            try reached(&$0)
            $0.tier = [try status("px-1"), try status("px-2")]
        }
        #expect(good.level == .good && good.text == "plane.test: px-1, px-2 serve, with 8 requests and WebSockets open.")
        #expect(
            try self.finding("tier") {
                try reached(&$0); $0.tier = []
            }.level == .notice)
        #expect(
            try self.finding("tier") {
                try reached(&$0); $0.tier = [try status("px-1", isReady: false)]
            }.level == .bad)
        #expect(
            try self.finding("tier") {
                try reached(&$0); $0.tier = [try status("px-1", age: 60)]
            }.text.contains("px-1 knows of plane.test"))
        let unreached = try self.finding("tier") { $0.tier = [try status("px-1")] }
        #expect(unreached.level == .notice && unreached.text.contains("drone-a"))
    }

    @Test("a proxy that gives no page is bad, one that gives any page of its own is good, and one that knows no backends is bad")
    func proxies() throws {
        let page = { (outcome: DoctorReport.Page.Outcome) in
            try self.finding("proxies") { $0.pages = [.init(drone: try .make("drone-a"), address: "10.0.0.1:80", outcome: outcome)] }
        }
        for status in [200, 308, 400, 401, 404] { #expect(try page(.answered(status: status)).level == .good, "\(status)") }
        let stopped = try page(.failed("nothing listens there", isRefused: true))
        #expect(stopped.text == "No page from the proxy of drone-a at 10.0.0.1:80: nothing listens there.")
        #expect(stopped.advice?.contains("plane-drone-proxy") == true)
        #expect(try page(.failed("no answer", isRefused: false)).advice?.contains("firewall") == true)
        #expect(try page(.knowsNoBackends(status: 502)).level == .bad)
        #expect(try page(.knowsNoBackends(status: 502)).advice?.contains("db_path") == true)
    }

    @Test("a landing page or tier behind a proxy that does not answer is told as such, not as a database that cannot be read")
    func passthrough() throws {
        for outcome in [.answered(status: 502), .answered(status: 503), .answered(status: 504), .silent] as [DoctorReport.Page.Outcome] {
            let finding = try self.finding("proxies") { $0.pages = [.init(drone: try .make("drone-a"), address: "10.0.0.1:80", outcome: outcome)] }
            #expect(finding.level == .bad, "\(outcome)")
            #expect(finding.advice?.contains("proxy.passthrough or proxy.forward") == true, "\(outcome)")
            #expect(finding.advice?.contains("db_path") == false, "\(outcome)")
        }
    }

    @Test("which of two causes an answer 502 or 504 has is read from its text, also where that is cut off")
    func answerTexts() async throws {
        func asked(_ response: String) async throws -> DoctorReport.Page.Outcome {
            let backend = try TestBackend()
            let answering = backend.answerOnce(response)
            let port = UInt16(try backend.socketAddress().port ?? 0)
            let outcome = await PageProbe.ask(.v4(0x7F00_0001), port: port, host: "_plane-doctor.plane.test", isHTTPS: false)
            _ = try await answering.value
            return outcome
        }
        #expect(PageProbe.knowsNoBackends == RequestFailure.proxy(.routesUnavailable).sentence)
        let head = "HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\nContent-Length: 40\r\n\r\n"
        #expect(try await asked(head + PageProbe.knowsNoBackends) == .knowsNoBackends(status: 502))
        #expect(try await asked(head + "The backend cannot be reached.") == .answered(status: 502))
        #expect(try await asked("HTTP/1.1 504 Gateway Timeout\r\n\r\n") == .answered(status: 504))
    }

    @Test("a proxy that takes a connection and says nothing is not taken for one behind a firewall")
    func silentProxy() async throws {
        let silent = try TestBackend()
        let port = UInt16(try silent.socketAddress().port ?? 0)
        #expect(await PageProbe.ask(.v4(0x7F00_0001), port: port, host: "_plane-doctor.plane.test", isHTTPS: false) == .silent)
    }

    @Test("a drone that lacks the demo's image is a notice where others have it; where none has it, or none says it, nothing is wrong")
    func images() throws {
        #expect(try self.report().findings.allSatisfy { $0.check != "images" })
        let (one, two) = (try DroneID.make("drone-a"), try DroneID.make("drone-b"))
        #expect(try self.finding("images") { $0.lackDemo = [one: false, two: false] }.level == .good)
        let none = try self.finding("images") { $0.lackDemo = [one: true] }
        #expect(none.level == .good && none.text.hasPrefix("No drone has plane-demo"))
        let some = try self.finding("images") { $0.lackDemo = [one: false, two: true] }
        #expect(some.level == .notice)
        #expect(some.text == "plane-demo is missing on drone-b, and others have it.")
        #expect(some.advice?.contains("scripts/demo-image") == true)
    }

    @Test("a page is asked of whatever listens: an HTTP server answers, a port that is closed or speaks something else is told in words")
    func pages() async throws {
        let ask = { (port: UInt16) in await PageProbe.ask(.v4(0x7F00_0001), port: port, host: "_plane-doctor.plane.test", isHTTPS: false) }
        #expect(await ask(try freeLoopbackPort()) == .failed("nothing listens there", isRefused: true))
        try await withNATSServer { server in
            let port = try #require(UInt16(server.url.split(separator: ":").last ?? ""))
            #expect(await ask(port) == .failed("what listens there does not speak HTTP", isRefused: false))
        }
        let backend = try TestBackend()
        let answering = backend.answerOnce("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        #expect(await ask(UInt16(try backend.socketAddress().port ?? 0)) == .answered(status: 404))
        #expect(try await answering.value.request.contains("Host: _plane-doctor.plane.test"))
    }

    @Test("versions that differ from this program's are told, and are nothing bad")
    func versions() throws {
        let finding = try self.finding("versions") { _ in }
        #expect(finding.level == .notice && finding.text.hasPrefix("drone-a runs 1, this program is "))
        let current = BuildInformation.version
        func status(_ cluster: String, _ version: String) throws -> ProxyStatusMessage {
            ProxyStatusMessage(proxy: try #require(ProxyID(rawValue: "px-1")), cluster: try .make(cluster), version: version, isReady: true)
        }
        let older = try self.report {
            $0.fleet = try Self.fleet(version: current)
            $0.schedulerVersions = [current, "0"]
            // One process, of two clusters.
            $0.tier = [try status("plane.test", "1"), try status("other.test", "1")]
        }.findings.filter { $0.check == "versions" }
        #expect(older.map(\.text) == ["A scheduler runs 0, this program is \(current).", "px-1 runs 1, this program is \(current)."])
        let same = try self.finding("versions") {
            $0.fleet = try Self.fleet(version: current)
            $0.schedulerVersions = [current]
            $0.tier = [try status("plane.test", current)]
        }
        #expect(same.level == .good && same.text == "All drones, schedulers and proxies of the tier run \(current), as this program is.")
    }

    @Test(
        "a disk that is nearly full is told, with how much is left",
        arguments: [(500, .good), (15, .notice), (1, .bad)] as [(UInt64, DoctorFinding.Level)])
    func disks(left: UInt64, level: DoctorFinding.Level) throws {
        let finding = try self.finding("disks") { $0.disks = [try .make("drone-a"): .init(availableBytes: left << 30, totalBytes: 1000 << 30)] }
        #expect(finding.level == level)
        if level != .good { #expect(finding.text.contains("\(left) GiB left")) }
    }

    @Test("clocks that differ are told, with the direction")
    func clocks() throws {
        let behind = try self.finding("clocks") { $0.clockDifference = .seconds(-40) }
        #expect(behind.level == .bad)
        #expect(behind.text == "The clock of this machine is 40.0 s behind that of NATS.")
        let ahead = try self.finding("clocks") { $0.schedulerClockDifference = .seconds(5) }
        #expect(ahead.text.contains("5.0 s ahead of"))
        // Ours is ahead by as much as the drone is behind us.
        let same = try self.report {
            $0.clockDifference = .seconds(1)
            $0.droneClockDifferences = [try .make("drone-a"): .seconds(-1)]
        }
        #expect(same.findings.first { $0.check == "clocks" }?.level == .good)
        let drone = try self.finding("clocks") {
            $0.clockDifference = .zero
            $0.droneClockDifferences = [try .make("drone-b"): .seconds(-40)]
        }
        #expect(drone.text == "The clock of drone-b is 40.0 s behind that of NATS.")
    }

    @Test("a drone that is silent is a notice while others work, and bad when none does")
    func drones() throws {
        let late = try self.finding("drones") { $0.now = StateTime(milliseconds: Self.now.rawValue + 60_000) }
        #expect(late.level == .bad)
        #expect(late.text.contains("0 of 1"))
        #expect(try self.finding("drones") { $0.fleet = FleetState() }.text == "No drone has ever registered.")
    }

    @Test("a name that leads elsewhere, or nowhere, is bad")
    func names() throws {
        let lookup = { (found: [String]) in
            DoctorReport.NameLookup(host: "b1.plane.test", expected: .v4(0x0A00_0001), found: found)
        }
        #expect(try self.finding("dns") { $0.lookups = [lookup(["10.0.0.1"])] }.level == .good)
        #expect(try self.finding("dns") { $0.lookups = [lookup(["10.0.0.2"])] }.text.contains("is 10.0.0.2 here"))
        #expect(try self.finding("dns") { $0.lookups = [lookup([])] }.text.contains("has no address here"))
    }

    @Test("a resolver that does not know names under localhost is no mistake of the cluster; one that leads them elsewhere is")
    func localNames() throws {
        let lookup = { (found: [String]) in
            DoctorReport.NameLookup(host: "b1.plane.localhost", expected: .v4(0x7F00_0001), found: found)
        }
        let unknown = try self.finding("dns") { $0.lookups = [lookup([])] }
        #expect(unknown.level == .notice)
        #expect(unknown.text.contains("names under localhost"))
        #expect(unknown.advice?.contains("field Host") == true)
        #expect(try self.finding("dns") { $0.lookups = [lookup(["127.0.0.1", "::1"])] }.level == .good)
        #expect(try self.finding("dns") { $0.lookups = [lookup(["10.0.0.2"])] }.level == .bad)
    }

    private func stream(_ configured: Int, cluster: String?) throws -> StreamInfo {
        let group = cluster.map { #","cluster":\#($0)"# } ?? ""
        let text = """
            {"config":{"name":"plane_state","num_replicas":\(configured)},"created":"2026-01-01T00:00:00Z",
            "state":{"messages":7,"bytes":70,"first_seq":1,"last_seq":7}\(group)}
            """
        return try JSONDecoder().decode(StreamInfo.self, from: Data(text.utf8))
    }

    @Test("where all drones are new, what is accepted of old ones is a notice; of a mixed fleet, or streams that cannot be listed, nothing is said")
    func trust() throws {
        let streams = { (names: [String]) in
            try names.map { name in
                let state = #""state":{"messages":0,"bytes":0,"first_seq":0,"last_seq":0}"#
                return try JSONDecoder().decode(
                    StreamInfo.self, from: Data(#"{"config":{"name":"\#(name)"},"created":"2026-01-01T00:00:00Z",\#(state)}"#.utf8))
            }
        }
        let new = try Self.fleet(version: BuildInformation.version)
        let old = try self.finding("trust") {
            $0.fleet = new
            $0.allStreams = try streams(["plane_state"])
        }
        #expect(old.level == .notice)
        #expect(old.advice?.contains("scheduler.accepts_legacy_peers = false") == true)
        let hardened = try self.finding("trust") {
            $0.fleet = new
            $0.allStreams = try streams(["plane_state", "plane_secrets"])
        }
        #expect(hardened.level == .good)
        #expect(try self.report { $0.fleet = new }.findings.allSatisfy { $0.check != "trust" })
        #expect(try self.report { $0.allStreams = try streams(["plane_state"]) }.findings.allSatisfy { $0.check != "trust" })
    }

    @Test(
        "a state of the fleet that keeps what has ended long ago is a notice; one that lets it go is good", arguments: [(2000, 1), (2001, 3)] as [(Int, Int64)])
    func growth(ended: Int, days: Int64) throws {
        var fleet = try Self.fleet(version: BuildInformation.version)
        let cluster = try ClusterName.make("plane.test")
        let end = Self.now.adding(.zero - .seconds(days * 86_400))
        for number in 0..<ended {
            let message = BackendMessage(backend: try .make("b-\(number)"), change: .state(.swept, at: end))
            fleet.apply(.cluster(cluster, .backend(message)), sequence: UInt64(number + 10), published: WireTime(end))
        }
        let finding = try self.finding("state") { [fleet] in $0.fleet = fleet }
        #expect(finding.level == (days > 2 ? .notice : .good))
        #expect(finding.text.contains("\(ended) backends"))
    }

    @Test("a single server keeps one copy, whatever number of replicas it accepted")
    func copies() throws {
        let single = try self.stream(3, cluster: nil)
        #expect(try self.finding("streams") { $0.streams = [("plane_state", single)] }.text == "All there; 7 messages (70 bytes) in plane_state, one copy.")
        let whole = try self.stream(3, cluster: #"{"leader":"a","replicas":[{"name":"b"},{"name":"c"}]}"#)
        let finding = try self.finding("streams") { $0.streams = [("plane_state", whole)] }
        #expect(finding.level == .good)
        #expect(finding.text.contains("3 copies"))
        let short = try self.stream(3, cluster: #"{"leader":"a","replicas":[{"name":"b"},{"name":"c","offline":true}]}"#)
        #expect(try self.finding("streams") { $0.streams = [("plane_state", short)] }.level == .notice)
    }

    @Test("a certificate is good until shortly before its end", arguments: [(30, .good), (3, .bad), (-1, .bad)] as [(Int64, DoctorFinding.Level)])
    func certificate(days: Int64, level: DoctorFinding.Level) throws {
        let finding = try self.finding("certificate") {
            $0.handshakes = [
                .init(
                    host: "b1.plane.test", address: "10.0.0.1:443",
                    outcome: .certificate(notAfter: Self.now.rawValue / 1000 + days * 86_400))
            ]
        }
        #expect(finding.level == level)
    }

    @Test("of many certificates each that has ended is told, and of the others the one that ends first")
    func certificates() throws {
        let handshake = { (host: Int, days: Int64) in
            DoctorReport.Handshake(
                host: "plane.test", address: "10.0.0.\(host):443", outcome: .certificate(notAfter: Self.now.rawValue / 1000 + days * 86_400))
        }
        let findings = try self.report { $0.handshakes = [handshake(1, 60), handshake(2, -1), handshake(3, 30)] }.findings
            .filter { $0.check == "certificate" }
        #expect(findings.map(\.level) == [.bad, .good])
        #expect(findings.first?.text == "The one at 10.0.0.2:443 has ended.")
        #expect(findings.last?.text.contains("10.0.0.3:443") == true && findings.last?.text.contains("the other 1") == true)
    }

    @Test("a port where nothing listens, and one that does not speak TLS, are told in words")
    func noTLS() async throws {
        let words = { (port: UInt16) in
            let handshake = await CertificateProbe.handshake(with: .v4(0x7F00_0001), port: port, host: "b1.plane.test")
            return try self.finding("certificate") { $0.handshakes = [handshake] }.text
        }
        let free = try freeLoopbackPort()
        #expect(try await words(free) == "No TLS with 127.0.0.1:\(free): nothing listens there.")
        try await withNATSServer { server in
            let port = try #require(UInt16(server.url.split(separator: ":").last ?? ""))
            // Which of the two sides notices first differs from time to time.
            for _ in 0..<20 { #expect(try await words(port) == "No TLS with 127.0.0.1:\(port): what listens there does not speak TLS.") }
        }
    }

    @Test(
        "whatever went wrong, no error of a library is shown",
        arguments: [
            IOError(errnoCode: EHOSTUNREACH, reason: "connect"), IOError(errnoCode: EMFILE, reason: "socket"), ChannelError.eof,
            ChannelError.connectTimeout(.seconds(5)), NIOSSLError.uncleanShutdown, NIOSSLError.handshakeFailed(.syscallError), CancellationError(),
        ] as [any Error])
    func libraryErrors(error: any Error) {
        let words = HandshakeFailure.words(for: error)
        #expect(words.contains(" ") && !words.contains("(") && !words.contains("Error"), "\(words)")
    }

    @Test("visitors' tokens that nearly fill their stream are a notice, and so are notes of their use", arguments: [(79, false), (80, true)])
    func tokens(percent: Int, isTold: Bool) throws {
        for name in ["plane_tokens", "plane_token_uses"] { try self.tokens(in: name, percent: percent, isTold: isTold) }
    }

    private func tokens(in name: String, percent: Int, isTold: Bool) throws {
        let text = #"""
            {"config":{"name":"\#(name)","max_bytes":1000000},"created":"2026-01-01T00:00:00Z",
            "state":{"messages":7,"bytes":\#(percent * 10_000),"first_seq":1,"last_seq":7}}
            """#
        let stream = try JSONDecoder().decode(StreamInfo.self, from: Data(text.utf8))
        let finding = try self.report { $0.allStreams = [stream] }.findings.first { $0.check == "tokens" }
        #expect((finding?.level == .notice) == isTold)
        #expect(!isTold || finding?.text.contains(" in \(name).") == true)
    }
}
