import DockerEngine
import Foundation
import PlaneTestSupport

/// The real daemon these tests run against, and what they make there.
enum DockerDaemon {
    /// Without one, the suites that need it are skipped.
    static let socket = ProcessInfo.processInfo.environment["PLANE_TEST_DOCKER_SOCKET"]

    /// On every container of this run, so that it sees no other's.
    static let label = "dev.plane.engine-test=\(UUID().uuidString.lowercased())"
    static let image = ImageReference("plane-engine-test")!

    static let client = DockerClient(endpoint: .unixSocket(path: socket ?? ""))

    /// Makes the image, once per run: busybox under `/bin`, nothing else.
    static let prepared = Task<Void, any Error> {
        let folder = try TemporaryDirectory()
        let script = """
            set -e
            mkdir -p "$1/bin" "$1/tmp"
            cp /bin/busybox "$1/bin/busybox"
            for name in sh echo sleep cat printf head yes; do ln -s busybox "$1/bin/$name"; done
            tar -C "$1" -c . | docker -H "unix://$2" import - plane-engine-test
            """
        let process = try TestProcess("/bin/sh", ["-c", script, "sh", folder.path, socket ?? ""])
        try await process.line(containing: "sha256:")
        withExtendedLifetime(folder) {}
    }

    static func spec(_ script: String) -> ContainerSpec {
        let parts = self.label.split(separator: "=").map(String.init)
        return ContainerSpec(image: self.image, command: ["/bin/sh", "-c", script], labels: [parts[0]: parts[1]])
    }

    static func freshName() -> ContainerID { ContainerID(rawValue: "plane-engine-test-\(UUID().uuidString.lowercased())")! }

    /// Creates a container that runs `script`, and removes it when `body` is done, whatever became of it.
    static func withContainer<Result>(
        _ spec: ContainerSpec, start: Bool = true, _ body: (DockerClient, ContainerID) async throws -> Result
    ) async throws -> Result {
        try await self.prepared.value
        let id = try await self.client.createContainer(spec, name: self.freshName())
        do {
            if start { try await self.client.start(id) }
            let result = try await body(self.client, id)
            try await self.removeIfThere(id)
            return result
        } catch {
            try await self.removeIfThere(id)
            throw error
        }
    }

    private static func removeIfThere(_ id: ContainerID) async throws {
        do { try await self.client.remove(id, force: true) } catch where error.code == .noSuchContainer {}
    }
}
