import Foundation
import NATS
import PlaneProtocol
import PlaneTestSupport
import Testing

/// From the command line through NATS and the agent into a container on a real Docker, each part with no more permissions than the sample nats-server.conf
/// gives it.
@Suite(
    "plane exec, shell and cp, on the real programs", .serialized,
    .enabled(if: LocalCluster.dockerSocket != nil, "PLANE_TEST_DOCKER_SOCKET names no Docker"), .timeLimit(.minutes(10)))
struct ContainerAccessTests {
    /// Runs a line of shell in which `plane` is the operator's, in a folder of its own.
    private static func shell(_ line: String, _ cluster: LocalCluster, in folder: TemporaryDirectory) async throws -> (status: Int32, lines: [String]) {
        let guarded = try #require(cluster.guarded)
        let script = """
            cd "$2" || exit
            program=$1 ca=$3
            plane() { command=$1; shift; "$program" "$command" --nats-ca "$ca" "$@"; }
            \(line)
            """
        let process = try TestProcess(
            "/bin/bash", ["-c", script, "bash", TestProcess.path(of: "plane"), folder.path, guarded.caPath],
            environment: ["PLANE_NATS_URL": guarded.url(of: "operator"), "SUDO_USER": "ann"])
        let status = await process.ended(within: .seconds(120))
        return (status, process.log)
    }

    private static func withBackend(_ body: (LocalCluster, BackendID, TemporaryDirectory) async throws -> Void) async throws {
        try await TestImage.build()
        let folder = try TemporaryDirectory()
        try await withCluster(isGuarded: true) { cluster in
            let backend = try await cluster.schedule(image: TestImage.name).backendID
            try await cluster.reached(.ready, by: backend)
            try await body(cluster, backend, folder)
            try await cluster.terminate(backend)
            try await cluster.reached(.terminated, by: backend)
        }
    }

    @Test("exec brings input to a program, its output back and its exit status; the agent's log says who ran what")
    func exec() async throws {
        try await Self.withBackend { cluster, backend, folder in
            let echoed = try await Self.shell("printf 'one\\ntwo' | plane exec \(backend) -- busybox cat", cluster, in: folder)
            #expect(echoed.status == 0 && echoed.lines.joined(separator: "\n").hasPrefix("one"), "\(echoed.lines)")
            // The beginning of an id is enough, and what stands on standard error stays there.
            let apart = try await Self.shell(
                "plane exec \(backend.rawValue.prefix(12)) --no-input --workdir /www -- /bin/sh -c 'pwd; echo oops >&2; exit 5' 2>errors; s=$?; cat errors; exit $s",
                cluster, in: folder)
            #expect(apart.status == 5 && apart.lines == ["/www", "oops"], "\(apart.lines)")
            // A megabyte both ways is neither cut nor changed.
            let large = try await Self.shell(
                "head -c 1000000 /dev/urandom >a; plane exec \(backend) -- busybox cat <a >b; cmp a b && echo same", cluster, in: folder)
            #expect(large.status == 0 && large.lines == ["same"], "\(large.lines)")
            let missing = try await Self.shell("plane exec \(backend) --no-input -- no-such-program", cluster, in: folder)
            #expect(missing.status != 0 && missing.lines.joined().contains("no-such-program"), "\(missing.lines)")
            let told = cluster.log(of: .agent).filter { $0.contains("busybox cat") }
            #expect(!told.isEmpty && told.allSatisfy { $0.contains("ann") }, "\(told)")
        }
    }

    @Test("shell is a terminal in the container, and ends with the shell's exit status")
    func terminal() async throws {
        try await Self.withBackend { cluster, backend, folder in
            // script(1) gives it a terminal here, as a person has one.
            let session = try await Self.shell(
                "printf 'busybox tty\\nexit 7\\n' | script -qec \"'$program' shell --nats-ca '$ca' \(backend)\" /dev/null", cluster, in: folder)
            #expect(session.status == 7, "\(session.lines)")
            #expect(session.lines.contains { $0.contains("/dev/pts/") || $0.contains("/dev/console") }, "\(session.lines)")
            // Without a terminal here there is none there.
            let piped = try await Self.shell("echo 'busybox tty; exit 3' | plane shell \(backend)", cluster, in: folder)
            #expect(piped.status == 3 && piped.lines.contains("not a tty"), "\(piped.lines)")
        }
    }

    @Test("cp takes files and directories into a container and back as they are; what is not there is said")
    func copy() async throws {
        try await Self.withBackend { cluster, backend, folder in
            let there = try await Self.shell(
                """
                mkdir -p tree/deep back; echo words >tree/deep/note; head -c 300000 /dev/urandom >tree/data; chmod 751 tree/deep/note
                plane cp tree \(backend):/www && plane exec \(backend) -n -- /bin/sh -c 'echo more >>/www/tree/deep/note' && plane cp \(backend):/www/tree back
                """, cluster, in: folder)
            #expect(there.status == 0, "\(there.lines)")
            let compared = try await Self.shell(
                "cmp tree/data back/tree/data && cat back/tree/deep/note && stat -c %a back/tree/deep/note", cluster, in: folder)
            #expect(compared.lines == ["words", "more", "751"], "\(compared.lines)")
            let missing = try await Self.shell("plane cp \(backend):/www/nothing back", cluster, in: folder)
            #expect(missing.status != 0 && missing.lines.joined().contains("/www/nothing"), "\(missing.lines)")
            let nowhere = try await Self.shell("plane cp tree \(backend):/no/such/directory", cluster, in: folder)
            #expect(nowhere.status != 0 && !nowhere.lines.isEmpty, "\(nowhere.lines)")
        }
    }
}
