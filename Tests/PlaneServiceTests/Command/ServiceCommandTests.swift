import ArgumentParser
import ConfigurationFiles
import ConfigurationReading
import Foundation
import Logging
import PlaneService
import PlaneTestSupport
import ServiceLifecycle
import Testing

/// A service that must not start in these tests.
struct ProbeCommand: ServiceCommand {
    struct Settings: ServiceSettings {
        let controller: ControllerConfiguration
        var log: LogConfiguration { self.controller.log }
        var metrics: MetricsConfiguration { self.controller.schedulerMetrics }

        init?(_ reader: inout ConfigReader) {
            guard let controller = ControllerConfiguration(&reader) else { return nil }
            self.controller = controller
        }
    }

    static let configuration = CommandConfiguration(commandName: "probe", version: BuildInformation.version)
    @OptionGroup var options: ServiceOptions

    func makeServices(_ settings: Settings, logger: Logger) async throws -> [any Service] {
        Issue.record("it was only asked to look at the configuration")
        return []
    }
}

@Suite("Service command line") struct ServiceCommandTests {
    static func file(_ toml: String, in directory: TemporaryDirectory) throws -> String {
        let path = directory.file("controller.toml")
        try toml.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    @Test("--check and --dump-config look at the file and start nothing", arguments: ["--check", "--dump-config", "-d"])
    func looks(flag: String) async throws {
        let directory = try TemporaryDirectory()
        let command = try #require(try ProbeCommand.parseAsRoot([flag, Self.file("nats.hosts = ['a']", in: directory)]) as? ProbeCommand)
        try await command.run()
    }

    @Test("--check says that a configuration is right only where all of it has an effect")
    func warned() async throws {
        let directory = try TemporaryDirectory()
        let right = try Self.file("nats.hosts = ['a']", in: directory)
        #expect(try await TestProcess.ours("scheduler", ["--check", right]).endedLog() == ["The configuration is right."])
        let table = try Self.file("nats.hosts = ['a']\nhttp = { cluster = 'a.b', services = { app = 'image' } }", in: directory)
        let log = try await TestProcess.ours("scheduler", ["--check", table]).endedLog().joined(separator: "\n")
        #expect(!log.contains("is right"))
        #expect(log.contains("http has no effect: no service of this version"))
    }

    @Test("mistakes end it with 64 before anything starts", arguments: [["--check"], ["--dump-config"], []])
    func mistakes(flags: [String]) async throws {
        let directory = try TemporaryDirectory()
        let file = try Self.file("nats.hosts = ['a']\ndns.port = 70000", in: directory)
        let command = try #require(try ProbeCommand.parseAsRoot(flags + [file]) as? ProbeCommand)
        let exit = try await #require(throws: ExitCode.self) { try await command.run() }
        #expect(exit.rawValue == 64)
    }
}

extension TestProcess {
    /// What it printed until it ended with success.
    fileprivate func endedLog() async throws -> [String] {
        try #require(await self.ended() == 0)
        return self.log
    }
}
