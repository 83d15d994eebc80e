import Foundation
import Glibc

/// Podman's Docker-compatible service of a test's own, with the test images on it.
///
/// It lives in a network and a mount namespace, so that neither its bridge nor its rules of the firewall are this machine's: its containers have addresses,
/// which nobody outside reaches. What it keeps lies in a directory of its own.
package final class PrivatePodman: Sendable {
    /// Only root may start one.
    package static var isPossible: Bool { geteuid() == 0 && FileManager.default.isExecutableFile(atPath: "/usr/bin/podman") }

    package let socket: String
    private let directory: TemporaryDirectory
    private let process: TestProcess

    /// `lock_type` and a `/run` of its own keep it from what another Podman of the machine shares. Podman gives containers higher limits than it has itself,
    /// which a machine may not permit.
    private static let script = """
        set -e
        mkdir -p "$1/data" "$1/networks"
        printf '%s\\n' '[engine]' 'runtime = "runc"' 'cgroup_manager = "cgroupfs"' 'events_logger = "file"' 'lock_type = "file"' \
            "static_dir = \\"$1/static\\"" "volume_path = \\"$1/volumes\\"" \
            '[network]' 'network_backend = "netavark"' "network_config_dir = \\"$1/networks\\"" \
            '[containers]' "default_ulimits = [\\"nofile=$(ulimit -Hn):$(ulimit -Hn)\\", \\"nproc=4096:4096\\"]" >"$1/containers.conf"
        printf '%s\\n' '[storage]' 'driver = "vfs"' "graphroot = \\"$1/data\\"" 'runroot = "/run/containers"' >"$1/storage.conf"
        mount -t tmpfs plane-test /run
        ip link set lo up
        # Of every image that is loaded it leaves a copy among the temporary files.
        mkdir "$1/tmp"
        export TMPDIR="$1/tmp" CONTAINERS_CONF="$1/containers.conf" CONTAINERS_STORAGE_CONF="$1/storage.conf"
        exec podman system service --time 0 "unix://$1/podman.sock" >>"$1/log" 2>&1
        """

    /// Starts one and returns when it has the images.
    package init() async throws {
        let directory = try TemporaryDirectory()
        self.directory = directory
        self.socket = directory.file("podman.sock")
        self.process = try TestProcess("/usr/bin/unshare", ["--mount", "--net", "/bin/sh", "-c", Self.script, "sh", directory.path])
        let socket = self.socket
        try await eventually("Podman answers", within: .seconds(60)) {
            (try? await TestProcess.run("/usr/bin/curl", ["-fsS", "--unix-socket", socket, "http://podman/_ping"])) != nil
        }
        try await TestImage.build(on: socket)
    }

    /// Ends it, and first every container it has.
    package func stop() async throws {
        let script = """
            ids=$(docker -H "unix://$1" ps -aq)
            [ -z "$ids" ] || docker -H "unix://$1" rm -f $ids >/dev/null
            """
        try await TestProcess.run("/bin/sh", ["-c", script, "sh", self.socket])
        await self.process.stop(.terminate)
    }
}
