import Foundation
import PlaneTestSupport
import Testing

@Suite("systemd units", .timeLimit(.minutes(2))) struct UnitFileTests {
    static let hasAnalyze = FileManager.default.isExecutableFile(atPath: "/usr/bin/systemd-analyze")
    static let services = ["scheduler", "dns", "drone-agent", "drone-proxy", "cert-refresher"]
    /// Worse than this, a right was forgotten that the service does not need (0 is none at all, 10 all of them).
    static let exposureLimit = "20"

    @Test("systemd understands them", .enabled(if: hasAnalyze), arguments: services)
    func verify(service: String) async throws {
        let directory = try TemporaryDirectory()
        // Where nothing is installed the programs are not there, which is no mistake of the unit.
        let unit = try Repository.text("scripts/systemd/plane-\(service).service")
            .replacing("/usr/lib/plane/\(service)", with: "/bin/true").replacing("Documentation=man:plane(1)\n", with: "")
        let path = directory.file("plane-\(service).service")
        try unit.write(toFile: path, atomically: true, encoding: .utf8)
        let lines = try await TestProcess.run("/usr/bin/systemd-analyze", ["verify", "--man=no", path])
        #expect(lines.filter { $0.contains("plane-") } == [])
    }

    @Test("each gives its service few rights", .enabled(if: hasAnalyze), arguments: services)
    func exposure(service: String) async throws {
        let unit = Repository.root.appending(path: "scripts/systemd/plane-\(service).service").path
        try await TestProcess.run("/usr/bin/systemd-analyze", ["security", "--offline=true", "--threshold=\(Self.exposureLimit)", unit])
    }

    @Test("each service tells that it is ready, is watched, and is started again unless its configuration is wrong", arguments: services)
    func lifecycle(service: String) throws {
        let unit = try Repository.text("scripts/systemd/plane-\(service).service")
        for line in ["Type=notify", "WatchdogSec=60", "Restart=always", "RestartPreventExitStatus=64", "User=plane"] {
            #expect(unit.contains("\n\(line)\n"), "\(line)")
        }
    }
}
