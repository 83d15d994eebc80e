import Foundation
import PlaneTestSupport
import Testing

@Suite("systemd units", .timeLimit(.minutes(10))) struct UnitFileTests {
    static let hasAnalyze = FileManager.default.isExecutableFile(atPath: "/usr/bin/systemd-analyze")
    static let services = ["scheduler", "dns", "gateway", "gateway-proxy", "drone-agent", "drone-proxy", "cert-refresher"]
    /// Worse than this, a right was forgotten that the service does not need (0 is none at all, 10 all of them).
    static let exposureLimit = "20"

    @Test("systemd understands them", .enabled(if: hasAnalyze), arguments: services + ["isolation"])
    func verify(service: String) async throws {
        let directory = try TemporaryDirectory()
        // Where nothing is installed the programs are not there, which is no mistake of the unit.
        let unit = try Repository.text("scripts/systemd/plane-\(service).service")
            .replacing("/usr/lib/plane/\(service)", with: "/bin/true").replacing("/usr/lib/plane/isolate-network", with: "/bin/true").replacing(
                "Documentation=man:plane(1)\n", with: "")
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

    @Test("planb's, which stands by itself, too: few rights, a user of its own, replaced without a break", .enabled(if: hasAnalyze))
    func planb() async throws {
        let unit = try Repository.text("scripts/systemd/planb.service")
        let directory = try TemporaryDirectory()
        let path = directory.file("planb.service")
        try unit.replacing("/usr/lib/plane/planb", with: "/bin/true").replacing("Documentation=man:planb(1)\n", with: "")
            .write(toFile: path, atomically: true, encoding: .utf8)
        let lines = try await TestProcess.run("/usr/bin/systemd-analyze", ["verify", "--man=no", path])
        #expect(lines.filter { $0.contains("planb") } == [])
        try await TestProcess.run("/usr/bin/systemd-analyze", ["security", "--offline=true", "--threshold=\(Self.exposureLimit)", path])
        for line in [
            "Type=notify", "WatchdogSec=60", "Restart=always", "RestartPreventExitStatus=64", "User=planb", "Group=planb",
            "ExecReload=/bin/kill -HUP $MAINPID", "EnvironmentFile=-/etc/default/planb",
        ] {
            #expect(unit.contains("\n\(line)\n"), "\(line)")
        }
        #expect(try Repository.text("scripts/systemd/plane.sysusers").contains("\nu planb - "))
    }

    @Test("who sets the firewall's rules up is root with two rights, and starts with the agent", .enabled(if: hasAnalyze))
    func isolation() async throws {
        let unit = Repository.root.appending(path: "scripts/systemd/plane-isolation.service").path
        try await TestProcess.run("/usr/bin/systemd-analyze", ["security", "--offline=true", "--threshold=30", unit])
        let agent = try Repository.text("scripts/systemd/plane-drone-agent.service")
        for line in [
            "Wants=network-online.target plane-isolation.service", "After=network-online.target docker.service nats-server.service plane-isolation.service",
        ] {
            #expect(agent.contains("\n\(line)\n"))
        }
    }

    @Test("each service is a user of its own; agent and proxies share a group, for the table of backends and the certificate, and nothing else is shared")
    func users() throws {
        let users = [
            "scheduler": "plane-scheduler", "dns": "plane-dns", "gateway": "plane-gateway", "drone-agent": "plane-agent", "drone-proxy": "plane-proxy",
            "cert-refresher": "plane-cert", "gateway-proxy": "plane-tier",
        ]
        let declared = try Repository.text("scripts/systemd/plane.sysusers")
        for (service, user) in users {
            let unit = try Repository.text("scripts/systemd/plane-\(service).service")
            #expect(unit.contains("\nUser=\(user)\n"))
            #expect(unit.contains("\nGroup=\(service.hasPrefix("drone-") || service == "gateway-proxy" ? "plane" : user)\n"))
            #expect(declared.contains("\nu \(user) - "))
            // Secrets of NATS are each service's own, and the proxy, which strangers speak to, has none.
            #expect(unit.contains("\nLoadCredential=plane:/etc/plane/credentials/\(service)\n") == (service != "drone-proxy"))
            // Whoever has Docker's socket is root.
            #expect(unit.contains("\nSupplementaryGroups=") == (service == "drone-agent"))
        }
    }

    @Test("what an older version has made, as one user for all, is given to those that need it; a certificate moves, and its name stays")
    func upgrade() async throws {
        let machine = try TemporaryDirectory()
        let script = """
            set -eu
            cd \(machine.path)
            mkdir -p etc/plane var/lib/plane/cert
            touch etc/plane/controller.toml var/lib/plane/drone.sqlite3 var/lib/plane/drone.sqlite3-wal
            for file in tls.key tls.pem tls.key.account; do echo $file >var/lib/plane/$file; done
            printf '[nats]\\nauth = { username = "drone", password = "x" }\\n[cert]\\nkey_path = "%s/var/lib/plane/tls.key"\\ncert_path = "%s/var/lib/plane/tls.pem"\\n' \
                $PWD $PWD >etc/plane/drone.toml
            # Users may not be there where this is tested: who gets what is told instead.
            sed 's|/etc/plane|'$PWD'/etc/plane|g; s|/var/lib/plane|'$PWD'/var/lib/plane|g; s|chown|echo|' \(Repository.root.path)/scripts/lib/own-files >own
            for _ in 1 2; do sh own >told 2>warned; done
            sed "s|$PWD||" told | sort
            stat -c '%a %n' etc/plane/* var/lib/plane/drone* var/lib/plane/cert/*
            cat var/lib/plane/tls.key
            readlink var/lib/plane/tls.key.account
            grep -c 'which the proxy can read' warned
            """
        let lines = try await TestProcess.run("/bin/sh", ["-c", script])
        #expect(
            lines == [
                "plane-agent:plane /var/lib/plane/drone.sqlite3", "plane-agent:plane /var/lib/plane/drone.sqlite3-wal",
                "plane-cert:plane /var/lib/plane/cert/tls.key", "plane-cert:plane /var/lib/plane/cert/tls.key",
                "plane-cert:plane /var/lib/plane/cert/tls.key.account", "plane-cert:plane /var/lib/plane/cert/tls.pem",
                "plane-cert:plane /var/lib/plane/cert/tls.pem", "root:plane /etc/plane/drone.toml", "root:root /etc/plane",
                "root:root /etc/plane/controller.toml", "600 etc/plane/controller.toml", "640 etc/plane/drone.toml",
                "660 var/lib/plane/drone.sqlite3", "660 var/lib/plane/drone.sqlite3-wal", "640 var/lib/plane/cert/tls.key",
                "600 var/lib/plane/cert/tls.key.account", "640 var/lib/plane/cert/tls.pem", "tls.key", "cert/tls.key.account", "1",
            ])
    }

    @Test("a package that is installed over an older one has every service that runs be of the new version, and a first one starts none")
    func installedOver() async throws {
        let machine = try TemporaryDirectory()
        // Every command of systemd is told instead of run; gateway and planb do not run here.
        let script = """
            set -eu
            cd \(machine.path)
            mkdir -p bin etc/plane var/lib/plane run/systemd/system
            cat >bin/systemctl <<'END'
            #!/bin/sh
            case "$*" in
                is-active*gateway.service | is-active*planb.service) exit 1 ;;
                is-active* | show*) ;;
                *) echo "$*" ;;
            esac
            END
            for tool in systemd-sysusers systemd-tmpfiles chown ps; do printf '#!/bin/sh\n' >bin/$tool; done
            chmod 755 bin/*
            root=\(Repository.root.path) PATH=$PWD/bin:$PATH
            fail() { echo "$*"; exit 1; }
            . $root/scripts/lib/postinst.sh
            postinst | sed 's|/etc/plane|'$PWD'/etc/plane|g; s|/var/lib/plane|'$PWD'/var/lib/plane|g; s|/run/systemd|'$PWD'/run/systemd|g' >postinst
            sh postinst configure 2026.10.0
            echo first
            sh postinst configure | sed 's/edit .*/edit/'
            """
        let lines = try await TestProcess.run("/bin/bash", ["-c", script])
        #expect(
            lines == [
                "daemon-reload", "reload plane-drone-proxy.service", "reload plane-gateway-proxy.service",
                "restart --no-block plane-scheduler.service", "restart --no-block plane-dns.service",
                "restart --no-block plane-drone-agent.service", "restart --no-block plane-cert-refresher.service", "first", "daemon-reload", "plane: edit",
            ])
    }

    @Test("each service tells that it is ready, is watched, and is started again unless its configuration is wrong", arguments: services)
    func lifecycle(service: String) throws {
        let unit = try Repository.text("scripts/systemd/plane-\(service).service")
        for line in ["Type=notify", "WatchdogSec=60", "Restart=always", "RestartPreventExitStatus=64"] {
            #expect(unit.contains("\n\(line)\n"), "\(line)")
        }
    }
}
