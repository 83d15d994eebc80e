import GatewayCore
import PlaneProtocol
import Testing

@Suite struct StatusHistoryTests {
    private let backend: BackendID
    private let cluster: ClusterName

    init() throws {
        self.backend = try #require(BackendID(rawValue: "b1"))
        self.cluster = try #require(ClusterName(rawValue: "c.test"))
    }

    private func message(_ state: BackendState, _ second: Int64, _ detail: BackendStatusDetail? = nil) -> BackendStateMessage {
        BackendStateMessage(cluster: self.cluster, state: state, backend: self.backend, time: WireTime(seconds: second), detail: detail)
    }

    private func statuses(_ messages: [BackendStateMessage]) -> [StatusEntry] {
        var history = StatusHistory()
        return messages.flatMap { history.apply($0) }
    }

    @Test("a life that ends well passes every status once, in order")
    func life() {
        var history = StatusHistory()
        var entries = history.assigned(at: StateTime(milliseconds: 500))
        let started = BackendStatusDetail(phases: SpawnPhases(created: 100_000, started: 400_000))
        for message in [
            self.message(.loading, 1), self.message(.loading, 1), self.message(.starting, 3, started), self.message(.ready, 4), self.message(.starting, 3),
            self.message(.exited, 9, BackendStatusDetail(exitCode: 0)),
        ] { entries += history.apply(message) }
        #expect(entries.map(\.status) == [.scheduled, .loading, .starting, .waiting, .ready, .terminated])
        #expect(entries.map(\.time.rawValue) == [500, 1000, 2700, 3000, 4000, 9000])
        #expect(entries.last == StatusEntry(.terminated, at: StateTime(milliseconds: 9000), exitError: false))
        #expect(history.hasEnded)
    }

    @Test("a container that is frozen and thawed changes no status; whoever begins to read then is told that it is ready")
    func held() {
        let reports = [true, false].map { self.message(.ready, 5, BackendStatusDetail(isHeld: $0)) }
        #expect(self.statuses([self.message(.loading, 1), self.message(.ready, 4)] + reports).map(\.time.rawValue) == [1000, 4000])
        #expect(self.statuses(reports).map(\.status) == [.ready])
    }

    @Test("an end that is announced is told before the process is gone, and again with it")
    func announced() {
        let ending = BackendStatusDetail(ending: BackendEnding(.soft, .external, at: WireTime(seconds: 5)))
        let hard = BackendStatusDetail(ending: BackendEnding(.hard, .external, at: WireTime(seconds: 6)))
        let entries = self.statuses([
            self.message(.ready, 4), self.message(.ready, 4, ending), self.message(.ready, 4, hard),
            self.message(.terminated, 7, BackendStatusDetail(exitCode: 137)),
        ])
        #expect(
            entries.dropFirst().map(\.status) == [.terminating, .hardTerminating, .terminated])
        #expect(entries.dropFirst().map(\.kind) == [.soft, .hard, .hard])
        #expect(entries.dropFirst().allSatisfy { $0.reason == .external })
        #expect(entries.last?.exitError == true)
    }

    @Test(
        "each way to end says why",
        arguments: [
            (BackendState.errorLoading, BackendCause.imageNotFound, nil, nil, true), (.errorStarting, .crashOnBoot, nil, nil, true),
            (.failed, .exitedByItself, nil, nil, true), (.failed, .internalError, TerminationReason.internalError, BackendEnding.Kind.hard, true),
            (.exited, .exitedByItself, nil, nil, false), (.swept, .idle, .swept, .soft, false), (.terminated, .requested, .external, .soft, false),
            (.lost, nil, .lost, nil, true), (.timedOutBeforeReady, .portNeverOpened, .startupTimeout, .hard, true),
        ] as [(BackendState, BackendCause?, TerminationReason?, BackendEnding.Kind?, Bool)])
    func ends(state: BackendState, cause: BackendCause?, reason: TerminationReason?, kind: BackendEnding.Kind?, exitError: Bool) throws {
        let entries = self.statuses([self.message(state, 2, BackendStatusDetail(cause: cause))])
        let last = try #require(entries.last)
        #expect(last.status == .terminated && last.reason == reason && last.kind == kind && last.exitError == exitError && last.cause == cause)
        #expect((last.error != nil) == exitError)
    }

    @Test("a start that takes too long is a hard end before it is one")
    func timeout() {
        #expect(self.statuses([self.message(.timedOutBeforeReady, 2)]).map(\.status) == [.hardTerminating, .terminated])
    }

    @Test("whoever has seen a status is told later ones only", arguments: GatewayStatus.allCases)
    func resumed(seen: GatewayStatus) {
        var history = StatusHistory(after: seen)
        var entries = history.assigned(at: StateTime(milliseconds: 0))
        for message in [self.message(.loading, 1), self.message(.starting, 2), self.message(.ready, 3), self.message(.terminated, 4)] {
            entries += history.apply(message)
        }
        #expect(entries.allSatisfy { $0.status > seen })
        #expect(seen == .terminated || entries.last?.status == .terminated)
        #expect(history.hasEnded)
    }

    @Test("an event has its data before its id, as clients in the field want it")
    func event() {
        let entry = StatusEntry(.ready, at: StateTime(milliseconds: 1_710_000_000_123))
        #expect(String(decoding: entry.event, as: UTF8.self) == "data:{\"status\":\"ready\",\"time\":1710000000123}\nid: ready\n\n")
    }

    @Test("an entry leaves out what is not known")
    func json() {
        let entry = StatusEntry(.terminated, at: StateTime(milliseconds: 5), reason: .swept, kind: .soft, exitError: false)
        #expect(
            String(decoding: WireCodec.encode(entry), as: UTF8.self)
                == #"{"status":"terminated","termination_reason":"swept","termination_kind":"soft","exit_error":false,"time":5}"#)
    }
}
