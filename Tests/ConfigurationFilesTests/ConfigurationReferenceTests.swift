import CertificateCoreConfiguration
import ClusterNamesConfiguration
import ConfigurationFiles
import ConfigurationReading
import DroneCoreConfiguration
import Foundation
import PlaneMessagingConfiguration
import PlaneService
import ProxyCoreConfiguration
import SchedulerCoreConfiguration
import Testing

@Suite("Configuration reference") struct ConfigurationReferenceTests {
    @Test("the tables of dev/docs/configuration.md are those of the declarations; scripts/reference writes them")
    func tables() throws {
        let document = try String(contentsOf: SampleFilesTests.package.appending(path: "dev/docs/configuration.md"), encoding: .utf8)
        #expect(document.contains("\n\(ConfigurationReference(of: ControllerConfiguration.self))\n"))
        #expect(document.contains("\n\(ConfigurationReference(of: DroneConfiguration.self))\n"))
    }

    @Test("every key has a sentence about it, and the sample files explain it too", arguments: ["controller.toml", "drone.toml"])
    func samples(file: String) throws {
        let entries =
            file == "drone.toml" ? ConfigurationLoader.describe(DroneConfiguration.self) : ConfigurationLoader.describe(ControllerConfiguration.self)
        let sample = try String(contentsOfFile: SampleFilesTests.file(file), encoding: .utf8)
        for entry in entries {
            #expect(entry.summary.hasSuffix("."), "\(entry.key)")
            guard let name = entry.path.last, entry.path.first != "http" else { continue }
            #expect(sample.contains("\(name) ") || sample.contains("\(name)="), "\(file) says nothing of \(entry.key)")
        }
    }
}
