import Foundation
import PlaneTestSupport

/// Debian's `unbound` on loopback: as a resolver that knows nobody but a root server, or as that root server.
struct Unbound {
    let process: TestProcess
    private let directory: TemporaryDirectory

    /// A resolver that begins at `rootHint`, sends as little of each name as it can (RFC 9156), in random case.
    static func resolver(port: UInt16, rootHint: String) async throws -> Unbound {
        let directory = try TemporaryDirectory()
        try """
        . 3600 NS a.root.
        a.root. 3600 A \(rootHint)
        """.write(toFile: directory.file("hints"), atomically: true, encoding: .utf8)
        return try await self.start(
            """
            interface: 127.0.0.1
            port: \(port)
            root-hints: "\(directory.file("hints"))"
            qname-minimisation: yes
            qname-minimisation-strict: yes
            use-caps-for-id: yes
            """, in: directory)
    }

    /// Serves a root zone with one delegation.
    static func root(at address: String, delegating zone: String, to server: String, at serverAddress: String) async throws -> Unbound {
        let directory = try TemporaryDirectory()
        try """
        . 3600 SOA a.root. host.root. 1 7200 3600 1209600 60
        . 3600 NS a.root.
        a.root. 3600 A \(address)
        \(zone). 3600 NS \(server).
        \(server). 3600 A \(serverAddress)

        """.write(toFile: directory.file("root"), atomically: true, encoding: .utf8)
        return try await self.start(
            """
            interface: \(address)
            port: 53
            auth-zone:
            name: "."
            zonefile: "\(directory.file("root"))"
            for-downstream: yes
            for-upstream: no
            """, in: directory)
    }

    private static func start(_ lines: String, in directory: TemporaryDirectory) async throws -> Unbound {
        try """
        server:
        chroot: ""
        username: ""
        pidfile: ""
        directory: "\(directory.file("."))"
        use-syslog: no
        verbosity: 1
        module-config: "iterator"
        do-not-query-localhost: no
        do-ip6: no
        access-control: 127.0.0.0/8 allow
        local-zone: "test." nodefault
        \(lines)
        """.write(toFile: directory.file("unbound.conf"), atomically: true, encoding: .utf8)
        let process = try TestProcess("/usr/sbin/unbound", ["-d", "-c", directory.file("unbound.conf")])
        try await process.line(containing: "start of service")
        return Unbound(process: process, directory: directory)
    }
}
