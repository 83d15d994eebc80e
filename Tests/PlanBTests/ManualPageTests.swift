import ArgumentParser
import Foundation
import PlaneTestSupport
import Testing

@testable import PlanBProxy

/// `dev/docs/planb.1` and what else names flags, against the flags that there are.
@Suite("planb's manual page and examples") struct ManualPageTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    private static func text(_ path: String) throws -> String { try String(contentsOf: self.root.appending(path: path), encoding: .utf8) }

    /// What ArgumentParser says of a command line.
    private struct Dump: Decodable {
        struct Command: Decodable { var arguments: [Argument] }
        struct Argument: Decodable {
            struct Name: Decodable {
                var kind: String
                var name: String
            }

            var kind: String
            var names: [Name]?
            var abstract: String?
            var defaultValue: String?
        }

        var command: Command
    }

    private static func arguments() throws -> [Dump.Argument] {
        try JSONDecoder().decode(Dump.self, from: Data(PlanBFlags._dumpHelp().utf8)).command.arguments.filter { argument in
            argument.names?.contains { $0.name == "help" } != true
        }
    }

    private static func parse(_ arguments: [String]) throws {
        let normalized = ArgumentNormalization.normalize(arguments, names: PlanBFlags.names, switches: PlanBFlags.switches)
        _ = try PlanBSettings(try PlanBFlags.parse(normalized), environment: [:])
    }

    @Test("the page has every flag with its explanation and its default, in the order of --help, and no other")
    func flags() throws {
        var lines: [String] = []
        for argument in try Self.arguments() {
            let names = (argument.names ?? []).sorted { $0.kind > $1.kind }.map { $0.kind == "short" ? "Fl \($0.name)" : "Fl Fl \($0.name)" }
            lines.append(".It \(names.joined(separator: " , "))\(argument.kind == "flag" ? "" : " Ar value")")
            // As mandoc wants it, each sentence on a line of its own.
            lines += (argument.abstract ?? "").replacing(/\. (?=[A-Z])/, with: ".\n").split(separator: "\n").map(String.init)
            if argument.kind != "flag", let value = argument.defaultValue, !value.isEmpty { lines += ["The default is", ".Li \(value) ."] }
        }
        let page = try Self.text("dev/docs/planb.1").components(separatedBy: "\n")
        let begin = try #require(page.firstIndex { $0.hasPrefix(".It ") })
        let end = try #require(page[begin...].firstIndex(of: ".El"))
        let told = Array(page[begin..<end])
        for (line, expected) in zip(told, lines) where line != expected { Issue.record("the page says “\(line)”, the flags “\(expected)”") }
        #expect(told.count == lines.count)
    }

    @Test("mandoc finds nothing to complain about")
    func mandoc() async throws {
        try await TestProcess.run("/usr/bin/env", ["mandoc", "-T", "lint", "-W", "warning", Self.root.appending(path: "dev/docs/planb.1").path])
    }

    @Test("whoever reads command lines as Go does knows every flag")
    func names() throws {
        let arguments = try Self.arguments()
        func names(_ kind: String) -> Set<String> {
            Set(arguments.filter { $0.kind == kind }.compactMap { $0.names?.first { $0.kind == "long" }?.name })
        }
        #expect(PlanBFlags.names == names("option") && PlanBFlags.switches == names("flag"))
    }

    @Test("the document explains each flag that PlanB does not have, and each command in it is one that can be typed")
    func document() throws {
        let document = try Self.text("dev/docs/planb.md")
        for name in ["wildcards", "hipache", "retries", "distrust-forwarded", "tls-default-name", "http2", "max-connections", "log-level"] {
            #expect(document.contains("`--\(name)"), "\(name)")
        }
        let commands = document.split(separator: "\n").filter { $0.hasPrefix("planb ") }
        #expect(commands.count >= 2)
        for command in commands { try Self.parse(command.split(separator: " ").dropFirst().prefix { $0 != "&" }.map(String.init)) }
        for match in document.matches(of: /`(--[a-z0-9-]+)/) {
            let name = match.output.1.dropFirst(2)
            #expect(PlanBFlags.names.contains(String(name)) || PlanBFlags.switches.contains(String(name)) || ["help", "version"].contains(name), "\(name)")
        }
    }

    @Test("the flags that the package installs can be used")
    func package() throws {
        let line = try #require(try Self.text("dev/config/planb.default").split(separator: "\n").first { $0.hasPrefix("PLANB_FLAGS=") })
        try Self.parse(line.dropFirst("PLANB_FLAGS=".count).trimmingCharacters(in: ["\""]).split(separator: " ").map(String.init))
    }

    @Test("the example for compose makes a frontend and a planb that serves it")
    func compose() async throws {
        let file = try Self.text("dev/compose/planb.yml")
        func command(of service: String) throws -> [String] {
            let section = try #require(file.components(separatedBy: "\n  \(service):\n").dropFirst().first)
            let line = try #require(section.split(separator: "\n").first { $0.hasPrefix("    command: ") })
            return try JSONDecoder().decode([String].self, from: Data(line.dropFirst("    command: ".count).utf8))
        }
        let redis = try await RedisTestServer.start()
        let backends = try NumberedBackends(1)
        // The names of services are addresses here, and their ports others.
        let routes = try command(of: "routes").map { $0.replacing("http://web:80", with: backends.entry(0)).replacing("-h", with: "-p") }
        try await TestProcess.run("/usr/bin/env", routes.map { $0 == "redis" ? "\(redis.port)" : $0 })
        var flags = Array(try command(of: "planb").dropFirst())
        try Self.parse(flags)
        let metrics = try freeLoopbackPort()
        flags = flags.map { $0 == "redis" ? "127.0.0.1" : $0.replacing("0.0.0.0:9090", with: "127.0.0.1:\(metrics)") }
        let listen = try freeLoopbackPort()
        let planb = try TestProcess.ours(
            "planb", flags + ["--read-redis-port", "\(redis.port)", "--write-redis-port", "\(redis.port)", "--listen", "127.0.0.1:\(listen)"])
        try await planb.line(containing: "planb is ready")
        let client = try TestPeer.connect(port: listen)
        try await client.send("GET / HTTP/1.1\r\nHost: www.example.org\r\nConnection: close\r\n\r\n")
        #expect(try await client.receiveToEnd().hasSuffix("\r\n\r\n0"))
        // Its log is where compose shows it.
        try await planb.line(containing: "\"GET / HTTP/1.1\" 200 1")
        #expect(await planb.stop() == 0)
        // Compose itself takes the file.
        try await TestProcess.run("/usr/bin/env", ["docker-compose", "-f", Self.root.appending(path: "dev/compose/planb.yml").path, "config", "--quiet"])
    }
}
