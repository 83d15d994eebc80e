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
    private func readme() throws -> String {
        try String(contentsOf: SampleFilesTests.package.appending(path: "README.md"), encoding: .utf8)
    }

    @Test("the README's tables are those of the declarations; scripts/reference writes them")
    func tables() throws {
        let readme = try self.readme()
        #expect(readme.contains("\n\(ConfigurationReference(of: ControllerConfiguration.self))\n"))
        #expect(readme.contains("\n\(ConfigurationReference(of: DroneConfiguration.self))\n"))
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
