import Foundation
import PlaneTestSupport
import Testing

@Suite("Scripts", .timeLimit(.minutes(10))) struct ScriptTests {
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
            for part in clone console packages processes docker cluster layout tests; do . scripts/lib/$part.sh; done

            """
        return try await TestProcess.run("/bin/bash", ["-c", head + script])
    }

    @Test("stop ends the successor of a program too, and not one of the same name that somebody else has started")
    func successors() async throws {
        let told = try await self.bash(
            """
            cat >"$work/replaced" <<'END'
            #!/bin/bash
            if [ "${1:-}" = stranger ]; then read -r _; exit; fi
            # The note of who was started is complete only when it has the start time.
            until grep -q ' [0-9]' "$0.pid"; do :; done 2>/dev/null
            cp "$(command -v sleep)" "$(dirname "$0")/folder/replaced"
            "$(dirname "$0")/folder/replaced" 300 &
            END
            chmod +x "$work/replaced"
            mkdir "$work/folder"
            coproc stranger { setsid "$work/replaced" stranger; }
            start replaced "$work/replaced"
            until ! kill -0 "$(cut -d ' ' -f 1 "$work/replaced.pid")" 2>/dev/null; do :; done
            successor=$(processes_of replaced)
            running replaced && echo runs
            stop replaced
            [ -n "$(start_time "$successor")" ] || echo ended
            kill -0 "$stranger_PID" && echo stranger lives
            echo >&"${stranger[1]}"
            """)
        #expect(told == ["runs", "ended", "stranger lives"])
    }

    @Test("a successor is found while other programs end as the list is read")
    func busyMachine() async throws {
        let told = try await self.bash(
            """
            cp "$(command -v sleep)" "$work/replaced"
            # Older programs come first in the list: the shell sorts it.
            for _ in $(seq 400); do sleep 300 & passing+=($!); done
            start first bash -c '"$0" 300 & exec sleep 300' "$work/replaced"
            # The successor of a program has its name.
            mv "$work/first.pid" "$work/replaced.pid"
            until [ "$(processes_of replaced | wc -l)" = 2 ]; do :; done
            for pid in "${passing[@]}"; do kill "$pid"; sleep 0.001; done &
            ending=$!
            lost=0
            while kill -0 "$ending" 2>/dev/null; do [ "$(processes_of replaced | wc -l)" = 2 ] || lost=$((lost + 1)); done
            echo "lost $lost times"
            stop replaced
            """)
        #expect(told == ["lost 0 times"])
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

    @Test("a target that fails keeps no other from being run; the end names it, its test and the command that repeats it")
    func failures() async throws {
        let lines = try await self.bash(
            """
            run_test_target() {
                ran+=" $1"
                printf '◇ Test "sum" started.\\n✘ Test "sum" failed after 0.1 seconds with 1 issue.\\n◇ Test "hang" started.\\n' >"$run_folder/$1.log"
                [ "$1" != B ]
            }
            ran=''
            failures+=(scripts/check.sh)
            run_test_targets A B C
            status=0
            tell_failures 2>&1 || status=$?
            echo "ran$ran, status $status"
            """)
        #expect(
            lines == [
                "  A", "  B", "  C", "✗ failed: 2; to repeat each:", "    scripts/check.sh", #"    scripts/test --filter '^B\.'"#, "        sum",
                "        hang (had not ended)", "ran A B C, status 1",
            ])
    }

    @Test("tests that are to be run several times tell what failed in each round, and pass only if every round does", arguments: [("2", 1), ("9", 0)])
    func rounds(failing: String, status: Int) async throws {
        let lines = try await self.bash(
            """
            run_test_target() {
                printf '◇ Test "sum" started.\n✔ Test "sum" passed after 0.1 seconds.\n' >"$run_folder/$1.log"
                [ "$1" != B ] && return
                ran=$((ran + 1))
                [ "$ran" != \(failing) ] && return
                printf '◇ Test "rows" started.\n✘ Test "rows" failed after 0.1 seconds with 1 issue.\n' >>"$run_folder/$1.log"
                return 1
            }
            ran=0
            status=0
            repeat_test_targets 3 A B 2>&1 || status=$?
            echo "status $status"
            """)
        #expect(lines.last == "status \(status)")
        #expect(lines.dropLast().last == (status == 0 ? "  3 of 3 rounds passed" : "  2 of 3 rounds passed"))
        #expect(lines.count { $0.contains("everything passed") } == (status == 0 ? 3 : 2))
        #expect(lines.contains("        rows") == (status != 0))
    }

    @Test("a test whose end stands on a line with something else has ended, and in a run that came to its end all have")
    func mixedOutput() async throws {
        let lines = try await self.bash(
            """
            cat >"$work/log" <<'END'
            ◇ Test "sum" started.
            12:00:00 info "half a line" ◇ Test "rows" started.
            half a line✘ Test "sum" failed after 0.1 seconds with 1 issue.
            ◇ Test "hang" started.
            ✘ Test "rows" recorded an issue with 1 argument
            half a line✔ Test "rows" with 3 test cases passed after 0.2 seconds.
            END
            failed_tests "$work/log"
            echo '✘ Test run with 3 tests in 1 suite failed after 0.3 seconds with 1 issue.' >>"$work/log"
            failed_tests "$work/log"
            """)
        #expect(lines == ["        sum", "        hang (had not ended)", "        sum"])
    }

    @Test("where nothing failed, the end says so")
    func noFailures() async throws {
        let lines = try await self.bash("run_test_target() { true; }; run_test_targets A; tell_failures")
        #expect(lines == ["  A", "✓ everything passed"])
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

    @Test("manual pages of services and of configuration files say what the programs say, and mandoc reads them without an error")
    func manuals() async throws {
        let pages = try await self.bash(
            """
            binaries=$work
            cat >"$work/scheduler" <<'END'
            #!/bin/sh
            printf '%s\\n' 'OVERVIEW: Places backends on' 'drones. Any number.' '' 'USAGE: scheduler [--check]' '' 'OPTIONS:' '  --check   a \\ and' '.a line with a dot'
            END
            cat >"$work/plane" <<'END'
            #!/bin/sh
            printf '%s\\n' '| key | value | if not set | what it does |' '|---|---|---|---|' '| `a.b` | this \\| that | `"x"` | Names &lt;a&gt; &amp; more. |' '| `c` | path | – | .file of it. |'
            END
            chmod +x "$work/scheduler" "$work/plane"
            service_manual scheduler >"$work/8"
            configuration_manual drone >"$work/5"
            for section in 5 8; do mandoc -T lint -W error "$work/$section" && mandoc -T utf8 "$work/$section" | sed "s/.$(printf '\\b')//g"; done
            """)
        let text = pages.joined(separator: "\n")
        for wanted in [
            "places backends on drones", "plane-controller.toml(5)", #"--check   a \ and"#, ".a line with a dot", #"this | that; "x"."#, "Names <a> & more.",
            ".file of it.",
        ] { #expect(text.contains(wanted), "\(wanted) in \(text)") }
    }

    @Test("the copyright of a package names what is linked into its programs, each with a licence")
    func copyright() async throws {
        let lines = try await self.bash(". scripts/lib/copyright.sh; copyright_of_package")
        #expect(lines.first == "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/")
        let files = lines.filter { $0.hasPrefix("Files: ") }
        #expect(files.contains("Files: *") && files.contains("Files: swift-nio/*") && files.contains("Files: GRDB.swift/*"))
        #expect(lines.filter { $0.hasPrefix("License: ") }.count >= files.count)
    }

    @Test("programs explain their arguments when they get a wrong one", arguments: ["install", "uninstall", "package-deb", "up"])
    func usage(script: String) async throws {
        let process = try TestProcess(Repository.root.appending(path: "scripts/\(script)").path, ["--nonsense"])
        #expect(await process.ended() == 64)
        #expect(process.log.contains { $0.contains("scripts/\(script) [") || $0.contains("scripts/\(script)  ") })
    }
}
