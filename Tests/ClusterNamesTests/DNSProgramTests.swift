import Foundation
import Glibc
import NetworkAddresses
import PlaneProtocol
import PlaneService
import PlaneTestSupport
import Testing

/// The program `dns`, asked by the tools of others: dig (BIND), kdig (Knot), drill (NLnet Labs), dnspython.
@Suite("The program dns", .serialized) struct DNSProgramTests {
    static let areToolsInstalled = ["/usr/bin/dig", "/usr/bin/kdig", "/usr/bin/drill", "/usr/sbin/unbound"].allSatisfy {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    @Test("a wrong configuration ends it with 64 and all mistakes", arguments: [["--check"], []])
    func mistakes(flags: [String]) async throws {
        let directory = try TemporaryDirectory()
        let file = directory.file("controller.toml")
        try """
        nats.hosts = ["127.0.0.1"]
        [dns]
        port = 70000
        domain_name = "ns..plane.test"
        soa_email = "nobody"
        caa = ["issue letsencrypt.org"]
        name_servers = { "ns1.plane.test" = ["not an address"] }
        """.write(toFile: file, atomically: true, encoding: .utf8)
        let program = try TestProcess.ours("dns", flags + [file])
        #expect(await program.ended() == 64)
        let log = program.log.joined(separator: "\n")
        #expect(log.contains("dns: error: dns.port: found 70000, expected a port from 0 to 65535"))
        #expect(log.contains("dns: error: dns.domain_name: found ns..plane.test, expected a domain name"))
        #expect(log.contains("dns: error: dns.soa_email: found"))
        #expect(log.contains("dns: error: dns.caa: found \"issue letsencrypt.org\" as element 1 of the list, expected a list, each flags, tag and value"))
        #expect(log.contains("dns: error: dns.name_servers: found"))
    }

    @Test("answers dig by the book", .enabled(if: areToolsInstalled))
    func dig() async throws {
        try await DNSService.run { service in
            try await service.fill()
            #expect(try await service.dig("one.plane.test", "A") == ["203.0.113.7"])
            #expect(try await service.dig("+tcp", "one.plane.test", "A") == ["203.0.113.7"])
            #expect(try await service.dig("six.plane.test", "AAAA") == ["2001:db8::7"])
            #expect(try await service.dig("_acme-challenge.plane.test", "TXT") == ["\"first\"", "\"second\""])
            #expect(try await service.dig("plane.test", "CAA") == ["0 iodef \"mailto:ops@plane.test\"", "0 issue \"letsencrypt.org\""])

            // D1
            let found = try await service.fullDig("one.plane.test", "A")
            #expect(found.contains("status: NOERROR") && found.contains("flags: qr aa;") && found.contains("ANSWER: 1, AUTHORITY: 0"))
            let absent = try await service.fullDig("later.plane.test", "A")
            #expect(absent.contains("status: NOERROR") && absent.contains("ANSWER: 0, AUTHORITY: 1"))
            #expect(absent.contains("SOA\tns1.plane.test. host\\.master.plane.test."))
            let never = try await service.fullDig("a.b.plane.test", "A")
            #expect(never.contains("status: NXDOMAIN") && never.contains("SOA\tns1.plane.test."))
            #expect(try await service.fullDig("plane.example", "A").contains("status: REFUSED"))

            // D3
            let wrongFamily = try await service.fullDig("six.plane.test", "A")
            #expect(wrongFamily.contains("status: NOERROR") && wrongFamily.contains("ANSWER: 0, AUTHORITY: 1"))

            // D4
            #expect(try await service.dig("one.plane.test", "TXT").isEmpty)

            // D6
            let servers = try await service.fullDig("plane.test", "NS")
            #expect(servers.contains("ns1.plane.test.\t\t3600\tIN\tA\t127.0.0.1"))
            #expect(servers.contains("ns2.plane.test.\t\t3600\tIN\tAAAA\t2001:db8::53"))

            let any = try await service.fullDig("one.plane.test", "ANY")
            #expect(any.contains("HINFO\t\"RFC8482\" \"\"") && any.contains("ANSWER: 1"))
            #expect(try await service.fullDig("+opcode=notify", "plane.test", "SOA").contains("status: NOTIMP"))
            #expect(try await service.fullDig("one.plane.test", "A", "-c", "CH").contains("status: REFUSED"))
            #expect(try await service.fullDig("plane.test", "AXFR").contains("Transfer failed"))
        }
    }

    @Test("answers kdig, drill and dnspython the same", .enabled(if: areToolsInstalled))
    func otherTools() async throws {
        try await DNSService.run { service in
            try await service.fill()
            let port = "\(service.port)"
            let kdig = try await TestProcess.run(
                "/usr/bin/kdig", ["@127.0.0.1", "-p", port, "+norec", "+edns", "one.plane.test", "A", "six.plane.test", "AAAA"]
            ).joined(separator: "\n")
            #expect(kdig.contains("203.0.113.7") && kdig.contains("2001:db8::7"))
            #expect(kdig.contains("EDNS PSEUDOSECTION") && kdig.contains("UDP size: 1232") && !kdig.contains("WARNING"))
            let drill = try await TestProcess.run("/usr/bin/drill", ["-p", port, "@127.0.0.1", "one.plane.test", "A"])
                .joined(separator: "\n")
            #expect(drill.contains("rcode: NOERROR") && drill.contains("flags: qr aa rd ;") && drill.contains("203.0.113.7"))
            let python = try await TestProcess.run("/usr/bin/python3", ["-c", Self.script, port])
            #expect(python == ["203.0.113.7", "OnE.pLaNe.TeSt.", "first second", "0 5", "NXDOMAIN", "pipelined 50"])
        }
    }

    /// The last line: fifty questions sent over one TCP connection before the first answer is read, each answered.
    private static let script = """
        import dns.message, dns.query, dns.rcode, dns.resolver, socket, struct, sys
        port = int(sys.argv[1])
        def ask(name, kind, **options):
            return dns.query.udp(dns.message.make_query(name, kind, **options), '127.0.0.1', port=port, timeout=20)
        print(ask('one.plane.test', 'A').answer[0][0])
        # 0x20: the case of the question comes back.
        print(ask('OnE.pLaNe.TeSt', 'A').question[0].name)
        texts = ask('_acme-challenge.plane.test', 'TXT', use_edns=0, payload=1232).answer[0]
        print(' '.join(text.strings[0].decode() for text in texts))
        absent = ask('later.plane.test', 'A')
        print(len(absent.answer), absent.authority[0].ttl)
        print(dns.rcode.to_text(ask('a.b.plane.test', 'A').rcode()))
        with socket.create_connection(('127.0.0.1', port), timeout=20) as connection:
            questions = [dns.message.make_query('one.plane.test', 'A') for _ in range(50)]
            for question in questions:
                wire = question.to_wire()
                connection.sendall(struct.pack('!H', len(wire)) + wire)
            answers = [dns.query.receive_tcp(connection)[0] for _ in questions]
        print('pipelined', sum(q.is_response(a) and len(a.answer) == 1 for q, a in zip(questions, answers)))
        """

    @Test(
        "unbound finds a backend from its own root hints, by way of the delegation",
        // Delegations name addresses without ports, so it has to be port 53.
        .enabled(if: areToolsInstalled && geteuid() == 0))
    func delegation() async throws {
        let network = "127.53.\(Int.random(in: 0...255))"
        let root = try await Unbound.root(at: "\(network).1", delegating: "plane.test", to: "ns1.plane.test", at: "\(network).2")
        try await DNSService.run(bindIP: "\(network).2", port: 53) { service in
            try await service.write(.register())
            try await service.write(.assign("one"))
            let port = try freeLoopbackPort()
            let resolver = try await Unbound.resolver(port: port, rootHint: "\(network).1")
            func ask(_ arguments: String...) async throws -> String {
                try await TestProcess.run("/usr/bin/dig", ["@127.0.0.1", "-p", "\(port)"] + arguments).joined(separator: "\n")
            }
            let absent = try await ask("later.plane.test", "A")
            #expect(absent.contains("status: NOERROR") && absent.contains("ANSWER: 0, AUTHORITY: 1"))
            #expect(try await ask("a.b.plane.test", "A").contains("status: NXDOMAIN"))
            try await eventually("the resolver finds the backend") { try await ask("+short", "one.plane.test", "A") == "203.0.113.7" }
            #expect(try await ask("+short", "plane.test", "NS").split(separator: "\n").sorted() == ["ns1.plane.test.", "ns2.plane.test."])
            await resolver.process.stop(.kill)
        }
        await root.process.stop(.kill)
    }

    @Test("what the state says now is what is answered, change after change", .enabled(if: areToolsInstalled))
    func changes() async throws {
        try await DNSService.run { service in
            try await service.fill()
            let python = try TestProcess("/usr/bin/python3", ["-u", "-c", Self.watcher, "\(service.port)"])
            try await python.line(containing: "address none")
            try await service.write(.assign("changing"))
            try await python.line(containing: "address 203.0.113.7")
            try await service.write(.register("drone-a", IPAddress("203.0.113.8")!))
            try await python.line(containing: "address 203.0.113.8")
            try await service.write(.backend(.swept, "changing"))
            try await python.line(containing: "end none")
            #expect(await python.ended() == 0)
        }
    }

    /// Asks without pause, and prints each answer that differs from the one before.
    private static let watcher = """
        import dns.message, dns.query, sys
        before, seen = None, []
        while len(seen) < 4:
            answer = dns.query.udp(dns.message.make_query('changing.plane.test', 'A'), '127.0.0.1', port=int(sys.argv[1]), timeout=20).answer
            now = str(answer[0][0]) if answer else 'none'
            if now != before:
                seen.append(now)
                print('end' if len(seen) == 4 else 'address', now)
            before = now
        """

    @Test("without NATS it keeps answering, says how old its state is, and says it once", .enabled(if: areToolsInstalled))
    func withoutNATS() async throws {
        try await DNSService.run { service in
            try await service.fill()
            await service.server.stop(.kill)
            try await service.dns.line(containing: "answers are from an old state of the fleet")
            #expect(try await service.dig("one.plane.test", "A") == ["203.0.113.7"])
            let metrics = try await service.metrics()
            let age = metrics.split(separator: "\n").first { $0.hasPrefix("plane_dns_state_age_seconds ") }
                .flatMap { Double($0.split(separator: " ")[1]) }
            #expect(try #require(age) >= 10)
            #expect(metrics.contains("plane_dns_answers_total{code=\"NOERROR\"}"))
            try await service.server.startAgain()
            try await service.dns.line(containing: "answers are current again")
            #expect(service.dns.log.count { $0.contains("answers are from an old state") } == 1)
            try await service.write(.assign("after"))
            try await eventually("what came after is answered for") { try await service.dig("after.plane.test", "A") == ["203.0.113.7"] }
        }
    }

    @Test(
        "before it knows the fleet it says that it does not, so that resolvers ask another server; SIGTERM ends it in order",
        .enabled(if: areToolsInstalled))
    func beforeNATS() async throws {
        let natsPort = try freeLoopbackPort()
        let port = try freeLoopbackPort()
        let dns = try TestProcess.ours(
            "dns",
            environment: [
                "PLANE_NATS__HOSTS": "127.0.0.1:\(natsPort)", "PLANE_DNS__PORT": "\(port)", "PLANE_DNS__BIND_IP": "127.0.0.1",
                "PLANE_DNS__CLUSTERS": "plane.test",
            ])
        try await dns.line(containing: "NATS is not reachable yet")
        let early = try await TestProcess.run("/usr/bin/dig", ["@127.0.0.1", "-p", "\(port)", "+tries=1", "one.plane.test"])
        #expect(early.joined().contains("status: SERVFAIL"))
        let server = try await NATSServer.start(port: natsPort)
        let scheduler = try TestProcess.ours("scheduler", environment: ["PLANE_NATS__HOSTS": server.url])
        try await dns.line(containing: "dns is ready")
        let late = try await TestProcess.run("/usr/bin/dig", ["@127.0.0.1", "-p", "\(port)", "one.plane.test"])
        #expect(late.joined().contains("status: NOERROR"))
        #expect(await dns.stop(.terminate) == 0)
        await scheduler.stop(.kill)
        await server.stop(.kill)
    }
}
