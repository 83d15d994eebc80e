import ArgumentParser
import ConfigurationFiles
import ConfigurationReading
import Foundation
import Glibc
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
        #expect(log.contains("http has no effect: the service gateway serves it"))
    }

    @Test("--check says in its last line what is not known, and with --strict that is 64")
    func unknownKeys() async throws {
        let directory = try TemporaryDirectory()
        let file = try Self.file("nats.hosts = ['a']\ndns.prot = 53\ncolour = 'red'", in: directory)
        let log = try await TestProcess.ours("scheduler", ["--check", file]).endedLog()
        #expect(log.last == "The configuration can be used, but for 2 keys that are not known: colour, dns.prot")
        let strict = try TestProcess.ours("scheduler", ["--check", "--strict", file])
        #expect(await strict.ended() == 64)
        let right = try Self.file("nats.hosts = ['a']", in: directory)
        #expect(try await TestProcess.ours("scheduler", ["--check", "--strict", right]).endedLog() == ["The configuration is right."])
    }

    @Test("a file that is not there, one that is a directory and one that may not be read are told apart")
    func unreadable() throws {
        let directory = try TemporaryDirectory()
        func found(_ path: String) -> String? {
            do throws(ConfigurationError) {
                _ = try ConfigurationLoader.load(ControllerConfiguration.self, file: path, environment: [:])
                return nil
            } catch {
                return error.mistakes.first?.found
            }
        }
        #expect(found(directory.file("none.toml")) == "no file of this name")
        #expect(found(directory.path) == "a directory")
    }

    @Test("a file that may not be read is told as such, by root's programs too where they lack the right to read all")
    func forbidden() async throws {
        let directory = try TemporaryDirectory()
        let secret = try Self.file("nats.hosts = ['a']", in: directory)
        try #require(chmod(secret, 0) == 0)
        let (program, arguments) = (TestProcess.path(of: "scheduler"), ["--check", secret])
        // The owner has no right to it either, and root only by these two capabilities.
        let rights = "-dac_override,-dac_read_search"
        let process =
            getuid() == 0
            ? try TestProcess("/usr/bin/setpriv", ["--bounding-set", rights, "--inh-caps", rights, program] + arguments) : try TestProcess(program, arguments)
        #expect(await process.ended() == 64)
        #expect(process.log.contains { $0.contains("found a file that this user may not read") }, "\(process.log)")
    }

    @Test("text that is no TOML is told with its place, in words of ours")
    func notTOML() throws {
        let directory = try TemporaryDirectory()
        let file = try Self.file("nats.hosts = ['a']\ndns.port = =", in: directory)
        let error = #expect(throws: ConfigurationError.self) { try ConfigurationLoader.load(ControllerConfiguration.self, file: file, environment: [:]) }
        let text = try #require(error).description
        #expect(text.hasPrefix("\(file):2:") && text.contains("found text that is not TOML (while parsing"), "\(text)")
    }

    @Test("without a file it is said that none was given")
    func noFile() async throws {
        let scheduler = try TestProcess.ours("scheduler")
        #expect(await scheduler.ended() == 64)
        #expect(scheduler.log.last == "scheduler: no configuration file was given, as in: scheduler /etc/plane/FILE.toml")
    }

    @Test("a port that is taken is told with the address, the keys that say it and where to look", arguments: ["dns", "scheduler"])
    func takenPort(service: String) async throws {
        let taken = try TestBackend()
        let port = "\(taken.port)"
        var variables = ["PLANE_NATS__HOSTS": "127.0.0.1:1", "PLANE_DNS__BIND_IP": "127.0.0.1", "PLANE_DNS__PORT": port, "PLANE_DNS__CLUSTERS": "plane.test"]
        if service == "scheduler" { variables = ["PLANE_NATS__HOSTS": "127.0.0.1:1", "PLANE_SCHEDULER__METRICS__PORT": port] }
        let process = try TestProcess.ours(service, environment: variables)
        #expect(await process.ended() == 1)
        let keys = service == "dns" ? "dns.bind_ip, dns.port" : "scheduler.metrics.bind_ip, scheduler.metrics.port"
        let log = process.log.joined(separator: "\n")
        #expect(log.contains("on 127.0.0.1:\(port) (\(keys)): Address already in use; another program listens there, see ss -lntup"), "\(log)")
        taken.stopListening()
    }

    @Test("where the port of name servers is taken it is said who mostly has it, and what to do", .enabled(if: getuid() == 0, "only root may take port 53"))
    func takenNamePort() async throws {
        // Every clone of the sources may take an address of its own.
        let address = "127.\(UInt8.random(in: 64...250)).\(UInt8.random(in: 1...250)).\(UInt8.random(in: 1...250))"
        let taken = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(taken) }
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = UInt16(53).bigEndian
        try #require(inet_pton(AF_INET, address, &name.sin_addr) == 1)
        let bound = withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(taken, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        // If it fails, another program has the port of all addresses, and dns cannot have it either.
        if bound == 0 { try #require(listen(taken, 1) == 0) }
        let process = try TestProcess.ours(
            "dns",
            environment: ["PLANE_NATS__HOSTS": "127.0.0.1:1", "PLANE_DNS__BIND_IP": address, "PLANE_DNS__PORT": "53", "PLANE_DNS__CLUSTERS": "plane.test"])
        #expect(await process.ended() == 1)
        let log = process.log.joined(separator: "\n")
        #expect(log.contains("on \(address):53 (dns.bind_ip, dns.port): Address already in use; often systemd-resolved, which holds 127.0.0.53"), "\(log)")
        #expect(log.contains("let dns.bind_ip be this machine's own address; see ss -lnup"))
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
