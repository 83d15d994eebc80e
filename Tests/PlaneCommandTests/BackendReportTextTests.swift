import NetworkAddresses
import PlaneClient
import PlaneClientTestSupport
import PlaneProtocol
import PlaneState
import Testing

@testable import plane

@Suite("Reports of backends, as text") struct BackendReportTextTests {
    private func report(_ states: [BackendStateMessage], lines: [LogEntry] = []) throws -> BackendReport {
        var report = BackendReport(backend: try .make("b1"), cluster: try .make("plane.test"))
        report.drone = try .make("drone-a")
        report.droneSeen = StateTime(milliseconds: 1_710_148_530_000)
        report.droneState = .ready
        report.lock = LockName(rawValue: "doc")
        report.states = states
        report.lastLines = lines
        return report
    }

    @Test("the report of a crash has its states with their times, the exit code, the last lines and what to do")
    func crash() throws {
        let report = try self.report(
            [
                .make(.loading), .make(.starting), .make(.ready, detail: BackendStatusDetail(phases: SpawnPhases(accepted: 0, created: 6000))),
                .make(.failed, detail: BackendStatusDetail(cause: .exitedByItself, exitCode: 139)),
            ], lines: [LogEntry(BackendLogMessage(backendID: .make("b1"), kind: .stderr, text: "segfault\u{1b}[2J\n"))])
        let text = report.lines(now: StateTime(milliseconds: 1_710_148_535_000), .plain).joined(separator: "\n")
        #expect(text.hasPrefix("b1.plane.test  Failed\n  Its program ended by itself, with exit code 139 (SIGSEGV)."))
        #expect(text.contains("drone-a (Ready, seen 5.0 s ago)"))
        #expect(text.contains("lock      doc (not held any more)"))
        for state in ["Loading", "Starting", "Ready", "Failed"] { #expect(text.contains("  \(state)")) }
        #expect(text.contains("created 6 ms"))
        #expect(text.contains("plane logs b1"))
        #expect(text.contains("segfault\u{FFFD}[2J"), "a container's words do not command the terminal")
    }

    @Test("where the tier reaches the drone is told, and nothing of a tier where there is none")
    func tier() throws {
        var report = try self.report([.make(.ready)])
        #expect(!report.lines(now: StateTime(milliseconds: 1_710_148_535_000), .plain).contains { $0.contains("tier") })
        report.tierAddress = SocketEndpoint("203.0.113.7:8444")
        #expect(report.lines(now: StateTime(milliseconds: 1_710_148_535_000), .plain).contains("  tier      reaches it at 203.0.113.7:8444"))
        #expect(String(decoding: WireCodec.encode(report), as: UTF8.self).contains(#""tier_address":"203.0.113.7:8444""#))
    }

    @Test("a frozen backend is told as one, and as any other once it goes on")
    func frozen() throws {
        let frozen = try BackendStateMessage.make(.ready, detail: BackendStatusDetail(isHeld: true))
        let text = try self.report([.make(.ready), frozen]).lines(now: StateTime(milliseconds: 1_710_148_535_000), .plain).joined(separator: "\n")
        #expect(text.contains("It is ready, and its container is frozen"))
        #expect(text.contains("  Ready, frozen, since there is no traffic"))
        let thawed = try self.report([.make(.ready), frozen, .make(.ready, detail: BackendStatusDetail(isHeld: false))])
        #expect(thawed.diagnosis?.sentence == "Its program runs, and has answered its drone.")
    }

    @Test("of a backend whose drone is silent it says since when, that nothing newer is known, and what to look at; of one that has ended it does not")
    func silentDrone() throws {
        var report = try self.report([.make(.ready)])
        report.collectedAt = StateTime(milliseconds: 1_710_148_530_000 + 30_000)
        #expect(report.explanation == "Its program runs, and has answered its drone.")
        report.collectedAt = StateTime(milliseconds: 1_710_148_530_000 + 200_000)
        let text = report.lines(now: StateTime(milliseconds: 1_710_148_730_000), .plain).joined(separator: "\n")
        #expect(text.contains("Its drone has not been heard of for 3 min 20 s. What was told last, and may not hold any more: Its program runs"))
        #expect(text.contains("what to do") && text.contains("plane doctor"))
        let json = String(decoding: WireCodec.encode(report), as: UTF8.self)
        #expect(json.contains(#""explanation":"Its drone has not been heard of for 3 min 20 s."#))
        report.droneSeen = nil
        #expect(report.explanation?.hasPrefix("Its drone has not been heard of at all.") == true)
        report.states.append(try .make(.swept, second: 2))
        #expect(report.explanation?.hasPrefix("Nobody was connected") == true)
    }

    @Test(
        "every cause is told in its own words and says what to do",
        arguments: [
            (.errorLoading, .imageMissing, "--pull-policy"), (.errorLoading, .imagePullFailed, "registry"),
            (.errorLoading, .pullRateLimited, "mirror"), (.errorLoading, .containerRefused, "executable"),
            (.errorLoading, .registryUnresolved, "DNS"), (.errorLoading, .registryUntrusted, "authority"),
            (.errorLoading, .registryTimedOut, "reach"), (.errorLoading, .registryFailed, "registry"),
            (.errorLoading, .pullQuotaExceeded, "registry"), (.errorLoading, .diskFull, "space"),
            (.errorLoading, .engineUnavailable, "Docker on the drone"), (.errorLoading, .pullDenied, "--registry-user"),
            (.timedOutBeforeReady, .readinessTimeout, "$PORT"), (.failed, .outOfMemory, "--memory"), (.lost, nil, "plane list-drones"),
        ] as [(BackendState, BackendCause?, String)])
    func advice(state: BackendState, cause: BackendCause?, word: String) throws {
        let message = try BackendStateMessage.make(state, detail: BackendStatusDetail(cause: cause))
        let diagnosis = Diagnosis(message, wasReady: false)
        #expect(try diagnosis.advice(for: .make("b1"))?.contains(word) == true)
    }

    @Test("states that are as they should be ask for nothing", arguments: [.ready, .exited, .swept, .terminated] as [BackendState])
    func nothingToDo(state: BackendState) throws {
        #expect(try Diagnosis(.make(state), wasReady: true).advice(for: .make("b1")) == nil)
    }

    @Test("tells who asked for it and for its end, and a terminal is not made to obey their names")
    func requesters() throws {
        var report = BackendReport(backend: try .make("b1"), cluster: try .make("plane.test"))
        report.states = [
            try .make(.loading, detail: BackendStatusDetail(requestedBy: "alice@app")),
            try .make(.terminated, second: 2, detail: BackendStatusDetail(cause: .requested, requestedBy: "bob\u{1b}[2J@bastion")),
        ]
        let text = report.lines(now: StateTime(milliseconds: 1_700_000_100_000), .plain).joined(separator: "\n")
        #expect(text.contains("Loading, asked for by alice@app"))
        #expect(text.contains("Terminated, asked for by bob\u{FFFD}[2J@bastion"))
        let json = String(decoding: WireCodec.encode(report), as: UTF8.self)
        #expect(json.contains(#""started_by":"alice@app","ended_by":"bob"#))
    }
}
