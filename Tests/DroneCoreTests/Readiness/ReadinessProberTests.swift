import NetworkAddresses
import PlaneProtocol
import PlaneTestSupport
import Synchronization
import Testing

@testable import DroneCore

@Suite struct ReadinessProberTests {
    private func withServer(
        _ answer: String?, host: String = "127.0.0.1", _ body: (ContainerAddress) async throws -> Void
    ) async throws {
        let server = try await AnsweringServer.start(answer, host: host)
        do {
            try await body(server.address)
        } catch {
            try await server.stop()
            throw error
        }
        try await server.stop()
    }

    @Test("any HTTP response counts", arguments: ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.0 404 Not Found\r\n\r\n", "HTTP/1.1 500 Oh\r\n\r\n"])
    func answers(response: String) async throws {
        try await self.withServer(response) { address in
            #expect(await ReadinessProber().waitForAnswer(from: address, limit: .seconds(60)) == .answered)
        }
    }

    @Test("with a path and a status of its own, a request is asked for that path until it answers with that status")
    func terms() async throws {
        let server = try await AnsweringServer.start("HTTP/1.1 204 Fine\r\n\r\n")
        let prober = ReadinessProber()
        let wanted = ReadinessTerms(path: "/healthz?deep=1", status: 204)
        #expect(await prober.waitForAnswer(from: server.address, wanted, limit: .seconds(60)) == .answered)
        #expect(server.requests.all.first?.hasPrefix("GET /healthz?deep=1 HTTP/1.1\r\n") == true)
        let other = ReadinessTerms(status: 200)
        // On a busy machine the first answer may take longer than the limit.
        try await eventually("it says which status came") {
            await prober.waitForAnswer(from: server.address, other, limit: .seconds(1)) == .unanswered(.otherStatus(204))
        }
        try await server.stop()
    }

    @Test("what is no status is none, wherever the answer ends", arguments: ["HTTP/1.1 2", "HTTP/1.1 abc x\r\n\r\n", "HTTP/1.1"])
    func noStatus(answer: String) async throws {
        try await self.withServer(answer) { address in
            let result = await ReadinessProber().waitForAnswer(from: address, ReadinessTerms(status: 200), limit: .seconds(1))
            #expect(result == .unanswered(.mute))
        }
    }

    @Test("A17: IPv6 addresses are asked like others")
    func ipv6() async throws {
        try await self.withServer("HTTP/1.1 200 OK\r\n\r\n", host: "::1") { address in
            #expect(await ReadinessProber().waitForAnswer(from: address, limit: .seconds(60)) == .answered)
        }
    }

    @Test("A17: a server that accepts and stays silent, or speaks something else, does not hang the prober", arguments: [nil, "SSH-2.0-x\r\n"])
    func silent(answer: String?) async throws {
        try await self.withServer(answer) { address in
            #expect(await ReadinessProber().waitForAnswer(from: address, limit: .seconds(1)) == .unanswered(.mute))
        }
    }

    @Test("nobody listens: it asks until the limit")
    func refused() async throws {
        // Bound and not listening: the port is ours, and nobody opens it. (A port that was listened on and closed may live on in a program
        // that another test has started meanwhile.)
        let reserved = try ReservedPort()
        let address = ContainerAddress(ip: .v4(0x7F00_0001), port: reserved.port)
        let result = await ReadinessProber().waitForAnswer(from: address, limit: .milliseconds(100))
        #expect(result == .unanswered(.closed))
        withExtendedLifetime(reserved) {}
    }

    @Test("cancelled, it ends at once")
    func cancelled() async throws {
        try await self.withServer(nil) { address in
            let task = Task { await ReadinessProber().waitForAnswer(from: address, limit: .seconds(3600)) }
            task.cancel()
            #expect(await task.value != .answered)
        }
    }

    @Test("cancelled in whatever moment of an attempt, it ends", .timeLimit(.minutes(10)), arguments: [nil, AnsweringServer.ok])
    func cancelledAnywhere(answer: String?) async throws {
        try await self.withServer(answer) { address in
            for moment in 0..<200 {
                let task = Task { await ReadinessProber().waitForAnswer(from: address, limit: .seconds(3600)) }
                for _ in 0..<moment { await Task.yield() }
                task.cancel()
                _ = await task.value
            }
        }
    }

    @Test("pauses grow with the time that has passed, and stay a small part of it")
    func schedule() {
        #expect(ProbeSchedule.pause(after: .zero) == .milliseconds(2))
        for elapsed in [250, 1000, 5000, 30_000] {
            #expect(ProbeSchedule.pause(after: .milliseconds(elapsed)) <= .milliseconds(elapsed / 50))
        }
    }
}
