import NetworkAddresses
import PlaneProtocol
import Testing

@testable import DroneCore

/// Every state × every event. The table holds what changes; whatever is not in it must change nothing.
@Suite struct BackendMachineTableTests {
    typealias State = BackendMachine.State
    typealias Action = BackendMachine.Action

    struct Row: Sendable {
        var from: State
        var event: BackendEvent
        var to: State
        var actions: [Action]
    }

    static let ip = IPAddress.v4(0x0A00_0002)
    static let address = ContainerAddress(ip: ip, port: 8080)
    static let fresh = BackendMachine.Attempt()
    static let triedPull = BackendMachine.Attempt(pulled: true)
    static let triedAdoption = BackendMachine.Attempt(adopted: true)
    static let plain = BackendMachine.Attempt(isPlain: true)

    static let refused = BackendEngineError(.refused, "no such entry point")
    static let missing = BackendEngineError(.imageMissing, "no such image")
    static let taken = BackendEngineError(.nameTaken, "name in use")
    static let shortcut = BackendEngineError(.shortcutFailed, "no such network")
    static let exit0 = ContainerObservation.exited(code: 0, outOfMemory: false)
    static let exit2 = ContainerObservation.exited(code: 2, outOfMemory: false)
    static let killed = ContainerObservation.exited(code: 137, outOfMemory: true)
    static let running = ContainerObservation.running(ip)

    static let terminated = BackendOutcome(.terminated, .requested)
    static let swept = BackendOutcome(.swept, .idle)
    static let outlived = BackendOutcome(.swept, .lifetime)
    static let otherStatus = BackendOutcome(
        .timedOutBeforeReady, .readinessTimeout,
        message: "port 8080 answered with status 503, and not with the one that was asked for, within the time allowed")
    static let vanishedStarting = BackendOutcome(.errorStarting, .vanished, message: "the container is gone, and nobody saw how")
    static let vanishedReady = BackendOutcome(.failed, .vanished, message: "the container is gone, and nobody saw how")
    static let timedOut = BackendOutcome(
        .timedOutBeforeReady, .readinessTimeout, message: "no HTTP response on port 8080 within the time allowed")
    static let neverOpened = BackendOutcome(
        .timedOutBeforeReady, .portNeverOpened, message: "nothing listened on port 8080 of the container within the time allowed")
    static let networkLostStarting = BackendOutcome(
        .errorStarting, .networkLost, message: "the container that held its network has ended, and nothing reaches it any more")
    static let networkLostReady = BackendOutcome(
        .failed, .networkLost, message: "the container that held its network has ended, and nothing reaches it any more")
    static let addressless = BackendOutcome(
        .failed, .internalError, message: "the container has no address of its own: agent.docker.network may be one that gives none")
    static let foreign = BackendOutcome(
        .errorLoading, .containerRefused, message: "a container of the backend's name exists which Plane did not make")
    static let oversized = BackendOutcome(
        .failed, .containerRefused, message: "the labels of its image are larger than a container's may be (1 MiB)")
    static let before = BackendOutcome(.exited, nil)

    static func endedStarting(_ code: Int64, _ cause: BackendCause = .crashOnBoot) -> BackendOutcome {
        BackendOutcome(.errorStarting, cause, exitCode: code, message: "the container ended before its port answered")
    }
    static func endedReady(_ state: BackendState, _ code: Int64, _ cause: BackendCause = .exitedByItself) -> BackendOutcome {
        BackendOutcome(state, cause, exitCode: code)
    }
    static func loadError(_ cause: BackendCause, _ failure: BackendEngineError) -> BackendOutcome {
        BackendOutcome(.errorLoading, cause, message: failure.message)
    }

    static let states: [State] = [
        .waiting(.admitted), .waiting(.loading), .waiting(.claimed), .waiting(.starting), .waiting(.ready), .waiting(.ending(terminated)),
        .waiting(.ended(before)),
        .loading(.adopting(fresh)), .loading(.adopting(triedAdoption)), .loading(.pulling(fresh)),
        .loading(.creating(fresh)), .loading(.creating(triedPull)), .loading(.creating(triedAdoption)), .loading(.creating(plain)),
        .loading(.launching(fresh)), .loading(.launching(plain)), .loading(.discarding(plain)),
        .starting(.locating), .starting(.probing(address)),
        .ready(.rejoining), .ready(.serving(address)),
        .ending(terminated, .settling), .ending(terminated, .stopping), .ending(before, .stoppingLeftover), .ending(terminated, .drainingLogs(removes: true)),
        .ending(foreign, .drainingLogs(removes: false)), .ending(terminated, .removing),
        .ended(terminated),
    ]

    static let events: [BackendEvent] = [
        .begin, .pulled, .pullFailed(refused), .created, .createFailed(missing), .createFailed(taken), .createFailed(refused),
        .started, .startFailed(refused), .startFailed(shortcut), .discarded, .exitHint,
        .inspected(.absent), .inspected(.foreign), .inspected(.oversized), .inspected(.networkLost), .inspected(.created), .inspected(running),
        .inspected(.running(nil)),
        .inspected(exit0), .inspected(exit2),
        .inspected(killed), .answered, .unanswered(.mute), .unanswered(.closed), .unanswered(.otherStatus(503)), .wentIdle, .lifetimeOver, .terminate(.soft),
        .terminate(.hard), .stopped, .logsDrained, .removed,
    ]

    /// The rows of an end: recorded, or that it has begun while something may run; then cleaned up from `cleanup` on.
    static func end(_ from: State, _ event: BackendEvent, _ outcome: BackendOutcome, _ cleanup: BackendMachine.Cleanup, first: [Action] = [])
        -> Row
    {
        let begin: [Action] =
            switch cleanup {
            case .settling: [.recordEnding(outcome)]
            case .stopping: [.recordEnding(outcome), .stop(outcome.kind)]
            case .stoppingLeftover: [.stop(outcome.kind)]
            case .drainingLogs: [.recordEnd(outcome), .drainLogs(note: outcome.note)]
            case .removing: [.recordEnd(outcome), .remove]
            }
        return Row(from: from, event: event, to: .ending(outcome, cleanup), actions: first + begin)
    }

    /// The rows of what ends a backend from outside of its container.
    static func asked(_ from: State, _ cleanup: BackendMachine.Cleanup, first: [Action] = []) -> [Row] {
        [
            end(from, .terminate(.soft), terminated, cleanup, first: first), end(from, .terminate(.hard), hardEnd, cleanup, first: first),
            end(from, .lifetimeOver, outlived, cleanup, first: first),
        ]
    }

    static let hardEnd = BackendOutcome(.terminated, .requested, isHard: true)

    static let beginning: [Row] = [
        Row(from: .waiting(.admitted), event: .begin, to: .loading(.creating(fresh)), actions: [.create(plainly: false)]),
        Row(from: .waiting(.loading), event: .begin, to: .loading(.adopting(fresh)), actions: [.inspect]),
        Row(from: .waiting(.claimed), event: .begin, to: .loading(.discarding(plain)), actions: [.discard]),
        Row(from: .waiting(.starting), event: .begin, to: .starting(.locating), actions: [.inspect]),
        Row(from: .waiting(.ready), event: .begin, to: .ready(.rejoining), actions: [.inspect]),
        Row(from: .waiting(.ending(terminated)), event: .begin, to: .ending(terminated, .stopping), actions: [.stop(.soft)]),
        Row(from: .waiting(.ended(before)), event: .begin, to: .ending(before, .stoppingLeftover), actions: [.stop(.soft)]),
    ]

    static let loading: [Row] = [
        Row(from: .loading(.pulling(fresh)), event: .pulled, to: .loading(.creating(triedPull)), actions: [.create(plainly: false)]),
        end(.loading(.pulling(fresh)), .pullFailed(refused), loadError(.imagePullFailed, refused), .drainingLogs(removes: true)),

        Row(from: .loading(.creating(fresh)), event: .created, to: .loading(.launching(fresh)), actions: [.start]),
        Row(from: .loading(.creating(fresh)), event: .createFailed(missing), to: .loading(.pulling(fresh)), actions: [.pull]),
        Row(from: .loading(.creating(fresh)), event: .createFailed(taken), to: .loading(.adopting(triedAdoption)), actions: [.inspect]),
        end(.loading(.creating(fresh)), .createFailed(refused), loadError(.containerRefused, refused), .drainingLogs(removes: true)),

        Row(from: .loading(.creating(triedPull)), event: .created, to: .loading(.launching(triedPull)), actions: [.start]),
        end(.loading(.creating(triedPull)), .createFailed(missing), loadError(.imageMissing, missing), .drainingLogs(removes: true)),
        Row(
            from: .loading(.creating(triedPull)), event: .createFailed(taken),
            to: .loading(.adopting(.init(pulled: true, adopted: true))), actions: [.inspect]),
        end(.loading(.creating(triedPull)), .createFailed(refused), loadError(.containerRefused, refused), .drainingLogs(removes: true)),

        Row(from: .loading(.creating(triedAdoption)), event: .created, to: .loading(.launching(triedAdoption)), actions: [.start]),
        Row(
            from: .loading(.creating(triedAdoption)), event: .createFailed(missing), to: .loading(.pulling(triedAdoption)), actions: [.pull]),
        end(.loading(.creating(triedAdoption)), .createFailed(taken), loadError(.containerRefused, taken), .drainingLogs(removes: true)),
        end(
            .loading(.creating(triedAdoption)), .createFailed(refused), loadError(.containerRefused, refused), .drainingLogs(removes: true)),

        Row(from: .loading(.launching(fresh)), event: .started, to: .starting(.locating), actions: [.inspect, .record(.starting, route: nil)]),
        end(.loading(.launching(fresh)), .startFailed(refused), loadError(.containerRefused, refused), .drainingLogs(removes: true)),

        Row(from: .loading(.launching(fresh)), event: .startFailed(shortcut), to: .loading(.discarding(plain)), actions: [.discard]),
        Row(from: .loading(.discarding(plain)), event: .discarded, to: .loading(.creating(plain)), actions: [.create(plainly: true)]),
        Row(from: .loading(.creating(plain)), event: .created, to: .loading(.launching(plain)), actions: [.start]),
        Row(from: .loading(.creating(plain)), event: .createFailed(missing), to: .loading(.pulling(plain)), actions: [.pull]),
        Row(
            from: .loading(.creating(plain)), event: .createFailed(taken), to: .loading(.adopting(.init(adopted: true, isPlain: true))),
            actions: [.inspect]),
        end(.loading(.creating(plain)), .createFailed(refused), loadError(.containerRefused, refused), .drainingLogs(removes: true)),
        Row(from: .loading(.launching(plain)), event: .started, to: .starting(.locating), actions: [.inspect, .record(.starting, route: nil)]),
        end(.loading(.launching(plain)), .startFailed(refused), loadError(.containerRefused, refused), .drainingLogs(removes: true)),
        end(.loading(.launching(plain)), .startFailed(shortcut), loadError(.containerRefused, shortcut), .drainingLogs(removes: true)),
    ]

    static func adopting(_ attempt: BackendMachine.Attempt) -> [Row] {
        let state = State.loading(.adopting(attempt))
        let record = Action.record(.starting, route: nil)
        return [
            Row(from: state, event: .inspected(.absent), to: .loading(.creating(attempt)), actions: [.create(plainly: false)]),
            end(state, .inspected(.foreign), foreign, .drainingLogs(removes: false)),
            end(state, .inspected(.oversized), oversized, .stopping, first: [record]),
            end(state, .inspected(.networkLost), networkLostStarting, .stopping, first: [record]),
            Row(from: state, event: .inspected(.created), to: .loading(.launching(attempt)), actions: [.start]),
            Row(
                from: state, event: .inspected(running), to: .starting(.probing(address)),
                actions: [record, .probe(address), .followLogs]),
            end(state, .inspected(.running(nil)), addressless, .stopping, first: [record]),
            end(state, .inspected(exit0), endedStarting(0), .drainingLogs(removes: true), first: [record]),
            end(state, .inspected(exit2), endedStarting(2), .drainingLogs(removes: true), first: [record]),
            end(state, .inspected(killed), endedStarting(137, .outOfMemory), .drainingLogs(removes: true), first: [record]),
        ]
    }

    static let starting: [Row] = [
        Row(from: .starting(.locating), event: .exitHint, to: .starting(.locating), actions: [.inspect]),
        end(.starting(.locating), .inspected(.absent), vanishedStarting, .drainingLogs(removes: true)),
        end(.starting(.locating), .inspected(.foreign), vanishedStarting, .drainingLogs(removes: false)),
        end(.starting(.locating), .inspected(.oversized), oversized, .stopping),
        end(.starting(.locating), .inspected(.networkLost), networkLostStarting, .stopping),
        end(.starting(.locating), .inspected(.created), vanishedStarting, .drainingLogs(removes: true)),
        Row(
            from: .starting(.locating), event: .inspected(running), to: .starting(.probing(address)), actions: [.probe(address), .followLogs]),
        end(.starting(.locating), .inspected(.running(nil)), addressless, .stopping),
        end(.starting(.locating), .inspected(exit0), endedStarting(0), .drainingLogs(removes: true)),
        end(.starting(.locating), .inspected(exit2), endedStarting(2), .drainingLogs(removes: true)),
        end(.starting(.locating), .inspected(killed), endedStarting(137, .outOfMemory), .drainingLogs(removes: true)),

        Row(from: .starting(.probing(address)), event: .exitHint, to: .starting(.probing(address)), actions: [.inspect]),
        end(.starting(.probing(address)), .inspected(.absent), vanishedStarting, .drainingLogs(removes: true), first: [.cancelWork]),
        end(.starting(.probing(address)), .inspected(.foreign), vanishedStarting, .drainingLogs(removes: false), first: [.cancelWork]),
        end(.starting(.probing(address)), .inspected(.oversized), oversized, .stopping, first: [.cancelWork]),
        end(.starting(.probing(address)), .inspected(.networkLost), networkLostStarting, .stopping, first: [.cancelWork]),
        end(.starting(.probing(address)), .inspected(.created), vanishedStarting, .drainingLogs(removes: true), first: [.cancelWork]),
        end(.starting(.probing(address)), .inspected(exit0), endedStarting(0), .drainingLogs(removes: true), first: [.cancelWork]),
        end(.starting(.probing(address)), .inspected(exit2), endedStarting(2), .drainingLogs(removes: true), first: [.cancelWork]),
        end(
            .starting(.probing(address)), .inspected(killed), endedStarting(137, .outOfMemory), .drainingLogs(removes: true),
            first: [.cancelWork]),
        Row(
            from: .starting(.probing(address)), event: .answered, to: .ready(.serving(address)),
            actions: [.record(.ready, route: address), .watchIdle(address)]),
        end(.starting(.probing(address)), .unanswered(.mute), timedOut, .stopping),
        end(.starting(.probing(address)), .unanswered(.closed), neverOpened, .stopping),
        end(.starting(.probing(address)), .unanswered(.otherStatus(503)), otherStatus, .stopping),
    ]

    static func ready(_ state: State) -> [Row] {
        [
            Row(from: state, event: .exitHint, to: state, actions: [.inspect]),
            end(state, .inspected(.absent), vanishedReady, .drainingLogs(removes: true)),
            end(state, .inspected(.foreign), vanishedReady, .drainingLogs(removes: false)),
            end(state, .inspected(.oversized), oversized, .stopping),
            end(state, .inspected(.networkLost), networkLostReady, .stopping),
            end(state, .inspected(.created), vanishedReady, .drainingLogs(removes: true)),
            end(state, .inspected(exit0), endedReady(.exited, 0), .drainingLogs(removes: true)),
            end(state, .inspected(exit2), endedReady(.failed, 2), .drainingLogs(removes: true)),
            end(state, .inspected(killed), endedReady(.failed, 137, .outOfMemory), .drainingLogs(removes: true)),
        ]
    }

    static let readyOnly: [Row] = [
        Row(
            from: .ready(.rejoining), event: .inspected(running), to: .ready(.serving(address)), actions: [.watchIdle(address), .followLogs]),
        end(.ready(.rejoining), .inspected(.running(nil)), addressless, .stopping),
        Row(from: .ready(.serving(address)), event: .wentIdle, to: .ending(swept, .stopping), actions: [.stop(.soft)]),
    ]

    static let ending: [Row] = {
        let settling = State.ending(terminated, .settling)
        let stop = State.ending(terminated, .stopping)
        let drain = State.ending(terminated, .drainingLogs(removes: true))
        let told: [Action] = [.recordEnd(terminated), .drainLogs(note: nil)]
        var rows = [
            // A container made or started although nobody waits for it any more is taken away again.
            Row(from: settling, event: .created, to: drain, actions: told),
            Row(from: settling, event: .started, to: stop, actions: [.stop(.soft)]),
            Row(from: settling, event: .startFailed(refused), to: stop, actions: [.stop(.soft)]),
            Row(from: settling, event: .startFailed(shortcut), to: stop, actions: [.stop(.soft)]),
            Row(from: settling, event: .discarded, to: drain, actions: told),
            Row(from: settling, event: .inspected(.foreign), to: .ending(terminated, .drainingLogs(removes: false)), actions: told),
            Row(from: stop, event: .stopped, to: drain, actions: told),
            Row(
                from: .ending(before, .stoppingLeftover), event: .stopped, to: .ending(before, .drainingLogs(removes: true)),
                actions: [.drainLogs(note: nil)]),
            Row(from: drain, event: .logsDrained, to: .ending(terminated, .removing), actions: [.remove]),
            Row(from: settling, event: .terminate(.hard), to: .ending(hardEnd, .settling), actions: [.recordEnding(hardEnd)]),
            Row(from: stop, event: .terminate(.hard), to: .ending(hardEnd, .stopping), actions: [.recordEnding(hardEnd), .stop(.hard)]),
            Row(from: .ending(foreign, .drainingLogs(removes: false)), event: .logsDrained, to: .ended(foreign), actions: [.finish]),
            Row(from: .ending(terminated, .removing), event: .removed, to: .ended(terminated), actions: [.finish]),
        ]
        for failure in [missing, taken, refused] {
            rows.append(Row(from: settling, event: .createFailed(failure), to: drain, actions: told))
        }
        for observation in [.absent, .oversized, .networkLost, .created, running, .running(nil), exit0, exit2, killed] as [ContainerObservation] {
            rows.append(Row(from: settling, event: .inspected(observation), to: stop, actions: [.stop(.soft)]))
        }
        return rows
    }()

    static let requests: [Row] = [
        asked(.waiting(.admitted), .stopping),
        asked(.waiting(.loading), .stopping),
        asked(.waiting(.claimed), .stopping),
        asked(.waiting(.starting), .stopping),
        asked(.waiting(.ready), .stopping),
        asked(.loading(.pulling(fresh)), .drainingLogs(removes: true), first: [.cancelWork]),
        asked(.loading(.creating(fresh)), .settling),
        asked(.loading(.creating(triedPull)), .settling),
        asked(.loading(.creating(triedAdoption)), .settling),
        asked(.loading(.launching(fresh)), .settling), asked(.loading(.launching(plain)), .settling),
        asked(.loading(.creating(plain)), .settling), asked(.loading(.discarding(plain)), .settling),
        asked(.starting(.locating), .stopping),
        asked(.starting(.probing(address)), .stopping, first: [.cancelWork]),
        asked(.loading(.adopting(fresh)), .settling), asked(.loading(.adopting(triedAdoption)), .settling),
        asked(.ready(.rejoining), .stopping), asked(.ready(.serving(address)), .stopping),
    ].flatMap { $0 }

    static let table: [Row] =
        beginning + requests + loading + adopting(fresh) + adopting(triedAdoption) + starting + ready(.ready(.rejoining))
        + ready(.ready(.serving(address))) + readyOnly + ending

    @Test("every event in every state does what the table says, or nothing", arguments: states)
    func everyEvent(state: State) {
        for event in Self.events {
            let rows = Self.table.filter { $0.from == state && $0.event == event }
            #expect(rows.count <= 1, "the table says two things about \(event) in \(state)")
            var machine = BackendMachine.make(state)
            let actions = machine.handle(event)
            #expect(actions == rows.first?.actions ?? [], "\(event) in \(state)")
            #expect(machine.state == rows.first?.to ?? state, "\(event) in \(state)")
        }
    }

    @Test("the table speaks only of states and events that are tried")
    func tableIsCovered() {
        #expect(Self.table.allSatisfy { Self.states.contains($0.from) && Self.events.contains($0.event) })
    }

    @Test("that an end has begun is recorded before anything is stopped, and the end itself only where nothing can run any more")
    func recordedInOrder() {
        for row in Self.table {
            guard case .ending(let outcome, let cleanup) = row.to else {
                #expect(!row.actions.contains { Self.isRecord($0) })
                continue
            }
            let records = row.actions.filter { Self.isRecord($0) }
            switch (Self.isEnding(row.from), cleanup) {
            case (false, .settling), (false, .stopping):
                // The table has it already where the watch found it idle, and where another agent began it.
                let isKnown = row.event == .wentIdle || row.event == .begin
                #expect(records == (isKnown ? [] : [.recordEnding(outcome)]), "\(row)")
            case (true, .settling) where row.event == .terminate(.hard), (true, .stopping) where row.event == .terminate(.hard):
                #expect(records == [.recordEnding(outcome)], "\(row)")
            case (_, .drainingLogs):
                // What had ended in the table before has been told.
                let isTold = row.from == .ending(Self.before, .stoppingLeftover)
                #expect(records == (isTold ? [] : [.recordEnd(outcome)]), "\(row)")
            default:
                #expect(records.isEmpty, "\(row)")
            }
            if let record = row.actions.firstIndex(where: Self.isRecord), let stop = row.actions.firstIndex(where: Self.isStop) {
                #expect(record < stop)
            }
        }
    }

    private static func isRecord(_ action: Action) -> Bool {
        switch action {
        case .recordEnding, .recordEnd: true
        default: false
        }
    }

    private static func isStop(_ action: Action) -> Bool {
        switch action {
        case .stop, .remove: true
        default: false
        }
    }

    private static func isEnding(_ state: State) -> Bool {
        switch state {
        case .ending, .ended: true
        case .waiting, .loading, .starting, .ready: false
        }
    }
}

extension BackendMachine {
    static func make(_ state: State, policy: PullPolicy = .ifNotPresent, port: UInt16 = 8080) -> BackendMachine {
        var machine = BackendMachine(.admitted, pullPolicy: policy, port: port)
        machine.state = state
        return machine
    }
}
