import Logging
import PlaneMessaging
import PlaneProtocol
import PlaneTestSupport
import Testing

@testable import DroneCore

/// Operators' requests to an agent over NATS, with an engine in memory.
@Suite(.timeLimit(.minutes(10))) struct ExecOverNATSTests {
    private struct Operator {
        let bus: PlaneBus
        let backend: BackendID
        let exec: ExecID

        init(_ fixture: AgentFixture, _ backend: BackendID) {
            var generator = SystemRandomNumberGenerator()
            self.bus = fixture.bus
            self.backend = backend
            self.exec = .random(using: &generator)
        }

        func begin(_ work: ExecRequest.Work) async throws(BusRequestError) {
            _ = try await self.bus.request(
                ExecRequest(cluster: .make(), drone: .make(), backend: self.backend, exec: self.exec, work: work, requestedBy: "alice"))
        }

        func bring(_ offset: UInt64, _ bytes: [UInt8] = [], isLast: Bool = false) async throws(BusRequestError) -> UInt64 {
            try await self.bus.request(
                ExecInput(cluster: .make(), drone: .make(), exec: self.exec, offset: offset, data: Base64Text(bytes), isLast: isLast)
            ).taken
        }

        func output(after number: UInt64) async throws(BusRequestError) -> ExecOutput {
            try await self.bus.request(ExecOutputRequest(cluster: .make(), drone: .make(), exec: self.exec, after: number))
        }
    }

    private func withBackend(
        logger: Logger = AgentFixture.logger, allows: Bool = true, _ body: (AgentFixture, BackendID) async throws -> Void
    ) async throws {
        let fixture = try await AgentFixture()
        try await fixture.withScheduler {
            try await fixture.withAgent(logger: logger, allowsExec: allows) {
                let request = fixture.request()
                #expect(try await fixture.spawn(request))
                try await fixture.wait(for: .ready, of: request.backendID)
                try await body(fixture, request.backendID)
            }
        }
    }

    @Test("a program reads what it is brought and what it writes comes back, whatever is asked twice; the log says who ran what")
    func echo() async throws {
        let log = LogRecorder()
        try await self.withBackend(logger: log.logger) { fixture, backend in
            let alice = Operator(fixture, backend)
            for _ in 1...2 { try await alice.begin(.run(ExecProgram(command: ["busybox", "cat"]))) }
            for _ in 1...2 { #expect(try await alice.bring(0, [1, 2, 3]) == 3) }
            for _ in 1...2 { #expect(try await alice.output(after: 0) == .piece(number: 1, .stdout, Base64Text([1, 2, 3]))) }
            #expect(try await alice.bring(3, isLast: true) == 3)
            #expect(try await alice.output(after: 1) == .ended(number: 2, exitCode: 0))
            _ = try await alice.output(after: 2)
            try await eventually("it is forgotten") {
                do throws(BusRequestError) {
                    _ = try await alice.output(after: 2)
                    return false
                } catch {
                    return error.isRefusal
                }
            }
        }
        let told = log.text.split(separator: "\n").filter { $0.contains("operator's work") }
        #expect(told.count == 2 && told.allSatisfy { $0.contains("busybox cat") && $0.contains("alice") }, "\(told)")
    }

    @Test("the exit code of a program is told")
    func exitCode() async throws {
        try await self.withBackend { fixture, backend in
            let alice = Operator(fixture, backend)
            try await alice.begin(.run(ExecProgram(command: ["sh", "-c", "exit 7"])))
            #expect(try await alice.output(after: 0) == .ended(number: 1, exitCode: 7))
        }
    }

    @Test("a file that is brought can be fetched")
    func copies() async throws {
        try await self.withBackend { fixture, backend in
            let bringing = Operator(fixture, backend)
            try await bringing.begin(.copyTo(path: "/tmp"))
            #expect(try await bringing.bring(0, [9, 8, 7], isLast: true) == 3)
            #expect(try await bringing.output(after: 0) == .ended(number: 1, exitCode: 0))
            let fetching = Operator(fixture, backend)
            try await fetching.begin(.copyFrom(path: "/tmp"))
            #expect(try await fetching.output(after: 0) == .piece(number: 1, .stdout, Base64Text([9, 8, 7])))
            let missing = Operator(fixture, backend)
            let failure = try await #require(throws: BusRequestError.self) { try await missing.begin(.copyFrom(path: "/nowhere")) }
            #expect(failure.isRefusal)
        }
    }

    @Test("a drone that lets nobody in says so, for programs and for what a backend was asked for with")
    func refused() async throws {
        try await self.withBackend(allows: false) { fixture, backend in
            let alice = Operator(fixture, backend)
            let failure = try await #require(throws: BusRequestError.self) { try await alice.begin(.run(ExecProgram(command: ["ls"]))) }
            guard case .refused(let reply) = failure else { throw failure }
            #expect(reply.code == .notPermitted && reply.message.contains("agent.exec"))
            let second = try await #require(throws: BusRequestError.self) {
                try await fixture.bus.request(DescribeBackend(cluster: .make(), drone: .make(), backend: backend))
            }
            #expect(second.isRefusal)
        }
    }

    @Test("a backend that is not there, and one that has ended, are refused with the reason")
    func noBackend() async throws {
        try await self.withBackend { fixture, backend in
            let stranger = Operator(fixture, .make("nobody"))
            let unknown = try await #require(throws: BusRequestError.self) { try await stranger.begin(.run(ExecProgram(command: ["ls"]))) }
            #expect("\(unknown)".contains("no backend nobody"))
            (fixture.engine as? FakeEngine)?.end(backend, code: 1)
            try await fixture.wait(for: .failed, of: backend)
            let ended = try await #require(throws: BusRequestError.self) { try await Operator(fixture, backend).begin(.run(ExecProgram(command: ["ls"]))) }
            #expect("\(ended)".contains("has ended"))
        }
    }

    @Test("a request like the one that a backend came from is told, without its id")
    func describe() async throws {
        try await self.withBackend { fixture, backend in
            let request = try await fixture.bus.request(DescribeBackend(cluster: .make(), drone: .make(), backend: backend, requestedBy: "alice"))
            #expect(request.backendID == nil && request.executable == fixture.request().executable && request.maxIdle == 300)
        }
    }

    @Test("no more goes on at once than a drone lets")
    func limit() async throws {
        try await self.withBackend { fixture, backend in
            for _ in 0..<ExecSessions.limit { try await Operator(fixture, backend).begin(.run(ExecProgram(command: ["busybox", "cat"]))) }
            let failure = try await #require(throws: BusRequestError.self) {
                try await Operator(fixture, backend).begin(.run(ExecProgram(command: ["busybox", "cat"])))
            }
            guard case .refused(let reply) = failure else { throw failure }
            #expect(reply.code == .full)
        }
    }
}
