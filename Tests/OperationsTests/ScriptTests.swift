import Foundation
import PlaneTestSupport
import Testing

@Suite("Scripts", .timeLimit(.minutes(2))) struct ScriptTests {
    /// Runs lines of bash in the repository, with the scripts' functions at hand.
    /// - Returns: What they printed.
    private func bash(_ script: String) async throws -> [String] {
        let directory = try TemporaryDirectory()
        let head = """
            set -euo pipefail
            root=\(Repository.root.path)
            run_folder=\(directory.path)
            work=\(directory.path)
            cd "$root"
            for part in clone console packages processes docker cluster layout; do . scripts/lib/$part.sh; done

            """
        return try await TestProcess.run("/bin/bash", ["-c", head + script])
    }

    @Test("down ends the backends that run, and does not wait for those that only an old NATS remembers")
    func down() async throws {
        let asked = try await self.bash(
            """
            binaries=$work
            cat >"$work/plane" <<'END'
            #!/bin/sh
            case $1 in
                list-backends) echo '[{"backends":[{"backend_id":"old"},{"backend_id":"b1"},{"backend_id":"b2"}]}]' ;;
                *) echo "$@" >>"$(dirname "$0")/asked" ;;
            esac
            END
            chmod +x "$work/plane"
            docker_cli() { printf 'plane-b1\\nplane-b2\\nplane-of-somebody-else\\n'; }
            stop_backends
            sort "$work/asked"
            """)
        #expect(asked == ["terminate --wait 15 plane.localhost b1", "terminate --wait 15 plane.localhost b2"])
    }

    @Test("down of a cluster whose engine is gone ends at once")
    func downWithoutDocker() async throws {
        let lines = try await self.bash(
            """
            binaries=$work
            printf '#!/bin/sh\\necho "$@"' >"$work/plane"
            chmod +x "$work/plane"
            docker_cli() { return 1; }
            stop_backends
            echo done
            """)
        #expect(lines == ["done"])
    }

    @Test("the configuration that is installed listens to the network, keeps its files in /var/lib/plane and logs to the journal")
    func sampleConfiguration() async throws {
        let controller = try await self.bash("sample_configuration controller.toml")
        #expect(controller.contains("format = \"journal\""))
        #expect(controller.contains("port = 53"))
        #expect(controller.contains("port = 9101"))
        #expect(controller.filter { $0 == "bind_ip = \"0.0.0.0\"" }.count == 1)
        let drone = try await self.bash("sample_configuration drone.toml")
        for line in [
            "db_path = \"/var/lib/plane/drone.sqlite3\"", "format = \"journal\"", "http_port = 80", "# drone_id = \"drone-1\"", "port = 9102",
            "port = 9103",
        ] { #expect(drone.contains(line), "\(line)") }
        #expect(drone.filter { $0 == "bind_ip = \"0.0.0.0\"" }.count == 1)
    }

    @Test("programs explain their arguments when they get a wrong one", arguments: ["install", "uninstall", "package-deb", "up"])
    func usage(script: String) async throws {
        let process = try TestProcess(Repository.root.appending(path: "scripts/\(script)").path, ["--nonsense"])
        #expect(await process.ended() == 64)
        #expect(process.log.contains { $0.contains("scripts/\(script) [") || $0.contains("scripts/\(script)  ") })
    }
}
