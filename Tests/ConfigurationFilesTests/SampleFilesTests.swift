import CertificateCoreConfiguration
import ClusterNamesConfiguration
import ConfigurationFiles
import ConfigurationReading
import DroneCoreConfiguration
import Foundation
import PlaneMessagingConfiguration
import PlaneProtocol
import PlaneService
import ProxyCoreConfiguration
import SchedulerCoreConfiguration
import Testing

@Suite("Sample configuration") struct SampleFilesTests {
    /// The package's own folder, two levels above this file's.
    static let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    static func file(_ name: String) -> String { self.package.appending(path: "dev/config/\(name)").path }

    @Test("dev/config/controller.toml is right, without a warning")
    func controller() throws {
        let loaded = try ConfigurationLoader.load(ControllerConfiguration.self, file: Self.file("controller.toml"), environment: [:])
        #expect(loaded.warnings.isEmpty)
    }

    @Test("dev/config/drone.toml is right, without a warning")
    func drone() throws {
        let loaded = try ConfigurationLoader.load(DroneConfiguration.self, file: Self.file("drone.toml"), environment: [:])
        #expect(loaded.warnings.isEmpty)
        #expect(loaded.configuration.cluster.rawValue == "plane.localhost")
        #expect(!loaded.configuration.proxy.allowPathRouting)
        // Whoever may ask for backends cannot have all of the machine for one.
        let limits = try #require(loaded.configuration.agent?.docker.limits)
        #expect([limits.memory, limits.cpu].allSatisfy { $0.standard != nil && $0.most != nil })
    }

    @Test("dev/config/gateway-proxy.toml is right, without a warning")
    func tier() throws {
        let loaded = try ConfigurationLoader.load(DroneConfiguration.self, file: Self.file("gateway-proxy.toml"), environment: [:])
        #expect(loaded.warnings.isEmpty)
        #expect(loaded.configuration.agent == nil && loaded.configuration.nats != nil)
    }

    @Test("the files that dev/docs/three-machines.md shows are right, without a warning")
    func threeMachines() throws {
        let text = try String(contentsOf: Self.package.appending(path: "dev/docs/three-machines.md"), encoding: .utf8)
        let files = text.matches(of: #/(?ms)^```toml\n(.+?)^```$/#).map { String($0.output.1) }
        try #require(files.count == 2)
        // Secrets stand in credentials that systemd passes.
        let shown = files.map { $0.replacing("{ credential = \"plane_nats_password\" }", with: "\"secret\"") }
        #expect(shown.allSatisfy { $0.contains("password = \"secret\"") })
        #expect(try ConfigurationLoader.load(ControllerConfiguration.self, toml: shown[0]).warnings.isEmpty)
        let drone = try ConfigurationLoader.load(DroneConfiguration.self, toml: shown[1])
        #expect(drone.warnings.isEmpty)
        #expect(drone.configuration.acme != nil && drone.configuration.cert != nil)
        // A new installation has nothing of 0.3, so nobody there speaks for others.
        #expect(try !ConfigurationLoader.load(ControllerConfiguration.self, toml: shown[0]).configuration.scheduler.acceptsLegacyPeers)
        #expect(drone.configuration.agent?.servesLegacyReaders == false)
    }

    @Test("nothing that is shipped, in the package, the units or the containers, lets paths name backends")
    func noPathRouting() throws {
        let shipped = ["docker-compose.yml", "dev/Dockerfile", "scripts/lib/layout.sh", "scripts/up", "scripts/package-deb", "scripts/install"]
        for name in shipped {
            let text = try String(contentsOf: Self.package.appending(path: name), encoding: .utf8).lowercased()
            #expect(!text.contains("path_routing"), "\(name)")
        }
    }
}
