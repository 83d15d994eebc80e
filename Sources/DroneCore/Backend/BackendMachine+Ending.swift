package import PlaneProtocol

/// The transitions of a ready backend, and those from any end until nothing is left.
extension BackendMachine {
    package mutating func answered() -> [Action] {
        switch self.state {
        case .starting(.probing(let address)):
            self.state = .ready(.serving(address))
            return [.record(.ready, route: address), .watchIdle(address)]
        case .waiting, .loading, .starting(.locating), .ready, .ending, .ended:
            return []  // ended in the meantime
        }
    }

    package mutating func unanswered(_ silence: ProbeResult.Silence) -> [Action] {
        switch self.state {
        case .starting(.probing):
            let outcome =
                switch silence {
                case .closed:
                    BackendOutcome(
                        .timedOutBeforeReady, .portNeverOpened,
                        message: "nothing listened on port \(self.port) of the container within the time allowed")
                case .mute:
                    BackendOutcome(
                        .timedOutBeforeReady, .readinessTimeout,
                        message: "no HTTP response on port \(self.port) within the time allowed")
                case .otherStatus(let status):
                    BackendOutcome(
                        .timedOutBeforeReady, .readinessTimeout,
                        message: "port \(self.port) answered with status \(status), and not with the one that was asked for, within the time allowed")
                }
            return self.end(outcome, from: .stopping)
        case .waiting, .loading, .starting(.locating), .ready, .ending, .ended:
            return []  // ended in the meantime
        }
    }

    /// The table has recorded that the backend's end has begun because it was idle.
    package mutating func wentIdle() -> [Action] {
        switch self.state {
        case .ready(.serving):
            return self.clean(BackendOutcome(.swept, .idle), from: .stopping)
        case .waiting, .loading, .starting, .ready(.rejoining), .ending, .ended:
            return []  // ended in the meantime
        }
    }

    /// A hard request also speeds up a soft end that has begun, for whatever reason; nothing slows down a hard one.
    package mutating func terminate(_ kind: BackendEnding.Kind = .soft) -> [Action] {
        guard kind == .hard, case .ending(var outcome, let cleanup) = self.state, outcome.kind == .soft else {
            return self.end(by: BackendOutcome(.terminated, .requested, isHard: kind == .hard))
        }
        outcome.isHard = true
        switch cleanup {
        case .settling:
            self.state = .ending(outcome, .settling)
            return [.recordEnding(outcome)]
        case .stopping:
            self.state = .ending(outcome, .stopping)
            return [.recordEnding(outcome), .stop(.hard)]
        case .stoppingLeftover, .drainingLogs, .removing:
            return []  // it has ended
        }
    }

    /// Begins an end whose reason is outside of the container.
    package mutating func end(by outcome: BackendOutcome) -> [Action] {
        switch self.state {
        case .waiting(.ending), .waiting(.ended), .ending, .ended:
            return []  // it is ending
        case .waiting, .ready, .starting(.locating):
            return self.end(outcome, from: .stopping)
        case .starting(.probing):
            return self.end(outcome, from: .stopping, first: [.cancelWork])
        case .loading(.pulling):
            return self.end(outcome, from: .drainingLogs(removes: true), first: [.cancelWork])
        case .loading(.adopting), .loading(.creating), .loading(.launching), .loading(.discarding):
            return self.end(outcome, from: .settling)
        }
    }

    package mutating func stopped() -> [Action] {
        switch self.state {
        case .ending(let outcome, .stopping):
            return self.end(outcome, from: .drainingLogs(removes: true))
        case .ending(let outcome, .stoppingLeftover):
            return self.clean(outcome, from: .drainingLogs(removes: true))
        case .waiting, .loading, .starting, .ready, .ended,
            .ending(_, .settling), .ending(_, .drainingLogs), .ending(_, .removing):
            return []
        }
    }

    package mutating func logsDrained() -> [Action] {
        switch self.state {
        case .ending(let outcome, .drainingLogs(removes: true)):
            return self.clean(outcome, from: .removing)
        case .ending(let outcome, .drainingLogs(removes: false)):
            self.state = .ended(outcome)
            return [.finish]
        case .waiting, .loading, .starting, .ready, .ended,
            .ending(_, .settling), .ending(_, .stopping), .ending(_, .stoppingLeftover), .ending(_, .removing):
            return []
        }
    }

    package mutating func removed() -> [Action] {
        switch self.state {
        case .ending(let outcome, .removing):
            self.state = .ended(outcome)
            return [.finish]
        case .waiting, .loading, .starting, .ready, .ended,
            .ending(_, .settling), .ending(_, .stopping), .ending(_, .stoppingLeftover), .ending(_, .drainingLogs):
            return []
        }
    }

    /// Records the end or, where a process may have to be stopped, that it has begun. Then cleans up, beginning with `cleanup`.
    mutating func end(_ outcome: BackendOutcome, from cleanup: Cleanup, first: [Action] = []) -> [Action] {
        let record: Action =
            switch cleanup {
            case .settling, .stopping: .recordEnding(outcome)
            case .stoppingLeftover, .drainingLogs, .removing: .recordEnd(outcome)
            }
        return first + [record] + self.clean(outcome, from: cleanup)
    }

    mutating func clean(_ outcome: BackendOutcome, from cleanup: Cleanup) -> [Action] {
        self.state = .ending(outcome, cleanup)
        switch cleanup {
        case .settling: return []
        case .stopping, .stoppingLeftover: return [.stop(outcome.kind)]
        case .drainingLogs: return [.drainLogs(note: outcome.note)]
        case .removing: return [.remove]
        }
    }
}
