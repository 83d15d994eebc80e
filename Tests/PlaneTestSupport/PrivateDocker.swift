import Foundation
import Glibc
import Synchronization

/// A Docker daemon of one test's own, for what cannot be done to the one everybody uses: a small disk, being killed.
///
/// It touches no firewall. Its containers outlive it (`live-restore`) until `stop()`.
package final class PrivateDocker: Sendable {
    package enum Kind: Sendable {
        /// A disk of this size, which is memory; no network.
        case small(diskMegabytes: Int)
        /// A bridge of its own, so that its containers can be reached from this machine.
        case bridged
    }

    /// Only root may start one.
    package static var isPossible: Bool { geteuid() == 0 && FileManager.default.isExecutableFile(atPath: "/usr/sbin/dockerd") }

    package let socket: String
    private let kind: Kind
    private let directory: TemporaryDirectory
    private let process = Mutex<TestProcess?>(nil)

    /// `Tests/PlaneTestSupport/` is two levels below the package.
    private static let scripts = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "scripts/lib").path
    /// This clone's: others on the same machine have theirs, and a run that was cut off leaves it to the next one.
    private static let nameBridge = #"bridge=planetest-$(printf %s "$2" | sha256sum | cut -c 1-5)"#

    /// Starts one and returns when it listens.
    package init(_ kind: Kind) async throws {
        self.directory = try TemporaryDirectory()
        self.socket = self.directory.file("docker.sock")
        self.kind = kind
        try await self.start()
    }

    /// Starts it after `kill()`.
    package func start() async throws {
        let process: TestProcess
        switch self.kind {
        case .small(let megabytes):
            // The mount is in a namespace of the daemon's own, so it goes with it.
            process = try TestProcess(
                "/usr/bin/unshare",
                [
                    "--mount", "/bin/sh", "-c",
                    Self.script(before: #"mount -t tmpfs -o size="$2m" plane-test "$1/data""#, options: #"--bridge none >>"$1/log" 2>&1"#), "sh",
                    self.directory.path, "\(megabytes)",
                ])
        case .bridged:
            let before = Self.nameBridge + "\n" + #""$2/make-bridge" "$bridge""#
            process = try TestProcess(
                "/bin/sh",
                ["-c", Self.script(before: before, options: #"--bridge "$bridge" --live-restore >>"$1/log" 2>&1"#), "sh", self.directory.path, Self.scripts])
        }
        self.process.withLock { $0 = process }
        // Not by its output, which what it starts would keep open after it was killed.
        try await eventually("dockerd answers", within: .seconds(60)) {
            (try? await TestProcess.run("/usr/bin/curl", ["-fsS", "--unix-socket", self.socket, "http://docker/_ping"])) != nil
        }
    }

    private static func script(before: String, options: String) -> String {
        """
        set -e
        PATH=$PATH:/usr/sbin:/sbin
        mkdir -p "$1/data"
        \(before)
        # A dockerd that was killed takes its containerd with it, and its successor would wait for that one.
        if pid=$(cat "$1/exec/containerd/containerd.pid" 2>/dev/null); then
            kill -KILL "$pid" 2>/dev/null || true
            while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
            rm -f "$1/exec/containerd/containerd.pid" "$1/exec/containerd/containerd.sock"*
        fi
        exec dockerd --host "unix://$1/docker.sock" --data-root "$1/data" --exec-root "$1/exec" --pidfile "$1/dockerd.pid" \
            --add-runtime crun=/usr/bin/crun --iptables=false --ip-masq=false --ip-forward=false \(options)
        """
    }

    /// As in a crash: its containers go on.
    package func kill() async {
        let process = self.process.withLock { $0 }
        await process?.stop(.kill)
    }

    /// Ends it, and first every container it has.
    package func stop() async throws {
        let script = """
            ids=$(docker -H "unix://$1" ps -aq)
            [ -z "$ids" ] || docker -H "unix://$1" rm -f $ids >/dev/null
            """
        let rest = """
            PATH=$PATH:/usr/sbin:/sbin
            pid=$(cat "$1/exec/containerd/containerd.pid" 2>/dev/null) && kill "$pid" 2>/dev/null
            \(Self.nameBridge)
            ip link delete "$bridge"
            """
        if case .bridged = self.kind { try await TestProcess.run("/bin/sh", ["-c", script, "sh", self.socket]) }
        let process = self.process.withLock { $0 }
        await process?.stop(.terminate)
        if case .bridged = self.kind { try await TestProcess.run("/bin/sh", ["-c", rest, "sh", self.directory.path, Self.scripts]) }
    }
}
