import Foundation
import PlaneTestSupport
import Testing

/// `dev/docs/three-machines.md`, as far as one machine can try it: what it has NATS do, where it puts the password, and whether its zone and its files agree.
@Suite("Three machines", .timeLimit(.minutes(10))) struct ThreeMachinesTests {
    static let natsServer = "/usr/sbin/nats-server"

    private static func text() throws -> String { try Repository.text("dev/docs/three-machines.md") }

    /// Blocks without a language, the configuration of NATS and the zone; they come before all others.
    private static func blocks() throws -> [String] {
        try self.text().matches(of: #/(?ms)^```\n(.+?)^```$/#).map { String($0.output.1) }
    }

    /// The commands that are typed, in their order, with the folder in place of the machine's root.
    private static func commands(containing word: String, in folder: TemporaryDirectory) throws -> [String] {
        try self.text().split(separator: "\n").filter { $0.hasPrefix("    ") && $0.contains(word) }
            .map { String($0.trimmingPrefix("    ")).replacing("/etc/", with: "\(folder.path)/etc/") }
    }

    @Test("the password is made by the commands shown, is the same for NATS and for both services, and nobody else may read it")
    func password() async throws {
        let folder = try TemporaryDirectory()
        let credentials = ["scheduler", "dns"].map { "\(folder.path)/etc/plane/credentials/\($0)" }
        for path in credentials { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
        let typed = try ["NATS_PASSWORD=plane-", "| tee "].flatMap { try Self.commands(containing: $0, in: folder) }
        #expect(typed.count == 2)
        for command in typed { try await TestProcess.run("/bin/bash", ["-c", command]) }
        let file = "\(folder.path)/etc/nats-server.env"
        let line = try String(contentsOfFile: file, encoding: .utf8)
        let password = try #require(line.firstMatch(of: #/^NATS_PASSWORD=(plane-[0-9a-f]{48})\n$/#)?.output.1)
        #expect(try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int == 0o600)
        for path in credentials { #expect(try String(contentsOfFile: "\(path)/nats_password", encoding: .utf8) == "\(password)\n") }
        #expect(try Self.commands(containing: "export PLANE_NATS_URL=", in: folder).count == 1)
        let export = try #require(try Self.commands(containing: "export PLANE_NATS_URL=", in: folder).first)
        try await TestProcess.run("/bin/bash", ["-c", "\(export); test \"$PLANE_NATS_URL\" = 'nats://plane:\(password)@127.0.0.1:4222'"])
    }

    @Test(
        "nats-server takes the configuration, with a password as it is made there",
        .enabled(if: FileManager.default.isExecutableFile(atPath: natsServer), "nats-server is not installed"))
    func nats() async throws {
        let configuration = try #require(try Self.blocks().first)
        #expect(configuration.contains("0.0.0.0:4222") && configuration.contains("jetstream"))
        let folder = try TemporaryDirectory()
        try configuration.replacing("/var/lib/nats", with: folder.path).write(toFile: folder.file("nats.conf"), atomically: true, encoding: .utf8)
        let password = "plane-" + String(repeating: "0123456789abcdef", count: 3)
        try await TestProcess.run(
            "/usr/bin/env", ["NATS_PASSWORD=\(password)", Self.natsServer, "-t", "-c", folder.file("nats.conf")])
    }

    @Test("the zone delegates the cluster to the controller, under the name and address that its files have")
    func zone() throws {
        let records = try #require(try Self.blocks().dropFirst().first).split(separator: "\n").map { $0.split(whereSeparator: \.isWhitespace).map(String.init) }
        #expect(records.count == 2 && records.allSatisfy { $0.count == 3 && $0[0].hasSuffix(".") })
        let delegation = try #require(records.first { $0[1] == "NS" })
        let address = try #require(records.first { $0[1] == "A" })
        #expect(delegation[2] == address[0], "the delegation leads to a name that has the address")
        #expect(!address[0].hasSuffix(".\(delegation[0])"), "the name server's name is not inside of the zone it serves")
        let text = try Self.text()
        let value = { (key: String) in try Regex("(?m)^\(key) = \"?\\[?\"?([^\"\\]\n]+)").firstMatch(in: text)?.output[1].substring.map(String.init) }
        #expect(try value("domain_name").map { "\($0)." } == delegation[2])
        #expect(try value("bind_ip") == address[2])
        #expect(try value("clusters").map { "\($0)." } == delegation[0])
        #expect(try value("cluster_domain").map { "\($0)." } == delegation[0])
    }
}
