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
