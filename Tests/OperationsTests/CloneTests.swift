import Foundation
import PlaneTestSupport
import Testing

/// Two clones on one machine, which is a network namespace of the test's own: what they do to its bridges and rules touches nobody.
@Suite("Clones side by side", .timeLimit(.minutes(10))) struct CloneTests {
    /// Runs lines of bash as root of such a machine; `in_clone NAME LINES` runs some in one of two clones, with the scripts' functions at hand.
    /// Everything started is killed at the end.
    private func machine(_ script: String) async throws -> [String] {
        let directory = try TemporaryDirectory()
        let head = """
            set -euo pipefail
            work=\(directory.path)
            unset DOCKER_HOST
            PATH=$PATH:/usr/sbin:/sbin
            ip link set lo up
            for clone in first second; do
                mkdir "$work/$clone"
                cp -r \(Repository.root.path)/scripts "$work/$clone"
            done
            in_clone() { bash -euo pipefail -c ". '$work/$1/scripts/lib/init.sh'; $2"; }

            """
        let unshare = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        return try await TestProcess.run("/usr/bin/unshare", unshare + ["/bin/bash", "-c", head + script])
    }

    @Test(
        "each has a Docker, a bridge and addresses of its own; the one that ends takes nothing from the other, and leaves nothing",
        .enabled(if: PrivateDocker.isPossible, "only root may start a Docker"))
    func privateDocker() async throws {
        let lines = try await self.machine(
            """
            mkdir -p "$work/root/bin"
            cp /bin/busybox "$work/root/bin/sleep"
            for clone in first second; do
                in_clone $clone 'start_private_docker' >"$work/log" || { cat "$work/log" "$work/$clone/.run/dockerd.log"; exit 1; }
                tar -C "$work/root" -c . | in_clone $clone 'docker_socket=$private_socket; docker_cli import --change "CMD [\\"sleep\\",\\"600\\"]" --change "ENV PATH=/bin" - idle' >/dev/null
            done
            run() { in_clone $1 'docker_socket=$private_socket; docker_cli inspect --format "{{.NetworkSettings.IPAddress}}" $(docker_cli run --detach idle)'; }
            for clone in first second; do for _ in 1 2; do run $clone >>"$work/addresses"; done; done
            echo "addresses: $(sort -u "$work/addresses" | wc -l)"
            echo "bridges: $(ip -o -4 address show | grep -c ': plane')"
            in_clone first 'docker_socket=$private_socket; docker_cli rm --force $(docker_cli ps --all --quiet) >/dev/null; stop_private_docker'
            echo "bridges: $(ip -o -4 address show | grep -c ': plane')"
            gone=$(in_clone first 'echo $private_bridge')
            echo "rules: $(iptables-save | grep -cF "$gone" || true)"
            echo "sockets: $(ls -d /run/plane-$(in_clone first 'echo $clone_id') 2>/dev/null | wc -l)"
            run second >/dev/null
            echo "the other goes on"
            in_clone second 'docker_socket=$private_socket; docker_cli rm --force $(docker_cli ps --all --quiet) >/dev/null; stop_private_docker'
            """)
        #expect(lines == ["addresses: 4", "bridges: 2", "bridges: 1", "rules: 0", "sockets: 0", "the other goes on"])
    }

    @Test("a bridge gets addresses that nothing on the machine uses, by whatever prefix", .enabled(if: PrivateDocker.isPossible, "only root may make a bridge"))
    func freeAddresses() async throws {
        let lines = try await self.machine(
            """
            taken=$(in_clone first 'free_subnets 22 1')
            ip link add other type bridge
            ip address add "${taken%.*}.77/28" dev other
            ip link set other up
            ip route add 172.29.128.0/17 dev other
            "$work/first/scripts/lib/make-bridge" one
            "$work/second/scripts/lib/make-bridge" two
            "$work/second/scripts/lib/make-bridge" two
            ip -o -4 address show | awk '$2 == "one" || $2 == "two" { print $4 }' >"$work/got"
            echo "different: $(sort -u "$work/got" | wc -l)"
            echo "free: $(grep -cvE "^${taken%.*}[.]|^172[.]29[.](12[89]|1[3-9].|2..)[.]" "$work/got")"
            ip route add 172.29.0.0/16 dev other
            ip route add 10.128.0.0/9 dev other
            "$work/first/scripts/lib/make-bridge" three 2>&1 || echo "status $?"
            """)
        #expect(
            lines == ["different: 2", "free: 2", "make-bridge: every network it might take is used on this machine: see ip route", "status 1"])
    }

    @Test("two that want packages at the same time take turns, and the second installs nothing that the first has installed")
    func packages() async throws {
        let directory = try TemporaryDirectory()
        let lines = try await TestProcess.run(
            "/bin/bash",
            [
                "-c",
                """
                set -euo pipefail
                folder=\(directory.path)
                # In place of those of the machine: installing takes until both have asked for it, or half a second where one waits.
                dpkg-query() { [ -e "$folder/installed" ] && echo installed; }
                as_root() { "$@"; }
                env() { apt-get install; }
                apt-get() {
                    [ "$1" = install ] || return 0
                    mkdir "$folder/lock" || { echo overlap >>"$folder/events"; return 100; }
                    echo install >>"$folder/events"
                    read -r -t 0.5 <>"$folder/never" || true
                    touch "$folder/installed"
                    rmdir "$folder/lock"
                }
                mkfifo "$folder/never"
                root=\(Repository.root.path)
                want() {
                    run_folder=$folder/$1
                    mkdir "$run_folder"
                    . "$root/scripts/lib/console.sh"
                    as_root() { "$@"; }
                    . "$root/scripts/lib/packages.sh"
                    need_packages build >"$run_folder/said" 2>&1
                }
                want first &
                first=$!
                want second &
                wait $first && wait $! && echo both
                cat "$folder/events"
                """,
            ])
        #expect(lines == ["both", "install"])
    }

    @Test(
        "each has images of its own of the programs it has built and of what its tests start, which another's Docker may hold beside them",
        arguments: [("images", "programs_image"), ("test-images", "PLANE_TEST_DEMO_IMAGE"), ("test-images", "PLANE_TEST_IMAGE_SUFFIX")])
    func images(part: String, name: String) async throws {
        let lines = try await TestProcess.run(
            "/bin/bash",
            ["-c", "for clone_id in 1 2; do . \(Repository.root.path)/scripts/lib/\(part).sh; echo $\(name); done | sort -u | wc -l"])
        #expect(lines == ["2"])
    }

    @Test("tests start the demo backend that their own clone has built", arguments: ["test", "chaos"])
    func testedImages(script: String) throws {
        let text = try Repository.text("scripts/\(script)")
        #expect(text.contains(#"/demo-backend" "$PLANE_TEST_DEMO_IMAGE""#))
        #expect(text.contains(#". "$root/scripts/lib/test-images.sh""#))
    }

    @Test("two that choose ports at the same time get different ones")
    func ports() async throws {
        let directory = try TemporaryDirectory()
        let port = try freeLoopbackPort()
        let lines = try await TestProcess.run(
            "/bin/bash",
            [
                "-c",
                """
                set -euo pipefail
                choose() {
                    root=\(Repository.root.path) run_folder=\(directory.path)/$1
                    mkdir "$run_folder"
                    for part in console processes; do . "$root/scripts/lib/$part.sh"; done
                    lock_ports
                    port=$(choose_port NONE \(port) nothing)
                    start server /usr/bin/python3 -u -m http.server --bind 127.0.0.1 "$port"
                    wait_for_line server 'Serving HTTP' 20
                    unlock_ports
                    echo "$port"
                }
                (choose first >\(directory.path)/1) &
                (choose second >\(directory.path)/2) &
                wait
                cat \(directory.path)/1 \(directory.path)/2 | sort -u | wc -l
                for part in console processes; do . \(Repository.root.path)/scripts/lib/$part.sh; done
                for clone in first second; do run_folder=\(directory.path)/$clone; stop server; done
                """,
            ])
        #expect(lines == ["2"])
    }
}
