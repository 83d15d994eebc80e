/// What can happen to a backend. One method of the machine each.
package enum BackendEvent: Hashable, Sendable {
    case begin
    case pulled, pullFailed(EngineFailure)
    case created, createFailed(EngineFailure)
    case started, startFailed(EngineFailure)
    case exitHint, inspected(ContainerObservation)
    case answered, unanswered(ProbeResult.Silence)
    case wentIdle
    case terminate
    case stopped, logsDrained, removed
}

extension BackendMachine {
    package mutating func handle(_ event: BackendEvent) -> [Action] {
        switch event {
        case .begin: self.begin()
        case .pulled: self.pulled()
        case .pullFailed(let failure): self.pullFailed(failure)
        case .created: self.created()
        case .createFailed(let failure): self.createFailed(failure)
        case .started: self.started()
        case .startFailed(let failure): self.startFailed(failure)
        case .exitHint: self.exitHint()
        case .inspected(let observation): self.inspected(observation)
        case .answered: self.answered()
        case .unanswered(let silence): self.unanswered(silence)
        case .wentIdle: self.wentIdle()
        case .terminate: self.terminate()
        case .stopped: self.stopped()
        case .logsDrained: self.logsDrained()
        case .removed: self.removed()
        }
    }
}
