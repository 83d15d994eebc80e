import Foundation

/// A machine of one test's own, with a Docker and the rest of the world behind a cable: see `scripts/lib/separate-machine`.
package final class SeparateMachine: Sendable {
    /// Only root may make one.
    package static var isPossible: Bool { PrivateDocker.isPossible }

    /// Somebody far away: a page at port 80, names at 53.
    package static let worldAddress = "203.0.113.1"
    /// Its own, with a page at port 4222.
    package static let ownAddress = "203.0.113.2"
    /// Where clouds tell a machine's secrets; a page at port 80.
    package static let metadataAddress = "169.254.169.254"

    /// `Tests/PlaneTestSupport/` is two levels below the package.
    package static let scripts = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "scripts/lib").path
    /// Where the programs lie that were built with the tests.
    package static let programs = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().path

    package let dockerSocket: String
    private let directory: TemporaryDirectory
    private let process: TestProcess
    private let processID: String

    /// Starts one and returns when its Docker answers.
    package init() async throws {
        self.directory = try TemporaryDirectory()
        self.dockerSocket = self.directory.file("docker.sock")
        self.process = try TestProcess("\(Self.scripts)/separate-machine", [self.directory.path])
        let line = try await self.process.line(containing: "machine is ")
        self.processID = line.split(separator: " ").last.map(String.init) ?? ""
        let socket = self.dockerSocket
        try await eventually("dockerd answers", within: .seconds(60)) {
            (try? await TestProcess.run("/usr/bin/curl", ["-fsS", "--unix-socket", socket, "http://docker/_ping"])) != nil
        }
    }

    /// Runs lines of bash there, as root.
    /// - Returns: What they printed.
    @discardableResult package func run(_ script: String) async throws -> [String] {
        let head = "set -euo pipefail; PATH=$PATH:/usr/sbin:/sbin; export DOCKER_HOST=unix://\(self.dockerSocket)\n"
        return try await TestProcess.run(
            "/usr/bin/nsenter", ["--target", self.processID, "--net", "--mount", "--pid", "/bin/bash", "-c", head + script])
    }

    package func stop() async { await self.process.stop(.kill) }
}
