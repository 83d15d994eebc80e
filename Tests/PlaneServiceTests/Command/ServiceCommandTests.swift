import ArgumentParser
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
        var metrics: MetricsConfiguration { self.controller.scheduler.metrics }

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

    @Test("mistakes end it with 64 before anything starts", arguments: [["--check"], ["--dump-config"], []])
    func mistakes(flags: [String]) async throws {
        let directory = try TemporaryDirectory()
        let file = try Self.file("nats.hosts = ['a']\ndns.port = 70000", in: directory)
        let command = try #require(try ProbeCommand.parseAsRoot(flags + [file]) as? ProbeCommand)
        let exit = try await #require(throws: ExitCode.self) { try await command.run() }
        #expect(exit.rawValue == 64)
    }
}
