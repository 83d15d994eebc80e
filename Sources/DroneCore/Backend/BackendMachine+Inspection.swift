import PlaneProtocol

/// What the state of the container means in each state of the backend.
extension BackendMachine {
    /// Called when the container may have ended; it will be inspected.
    package mutating func exitHint() -> [Action] {
        switch self.state {
        case .starting, .ready:
            return [.inspect]
        case .waiting, .loading:
            return []  // the call under way tells what became of it, and an inspection follows the start
        case .ending, .ended:
            return []  // no news
        }
    }

    package mutating func inspected(_ observation: ContainerObservation) -> [Action] {
        switch self.state {
        case .loading(.adopting(let attempt)):
            return self.adopt(observation, attempt)
        case .starting(.locating):
            return self.locate(observation)
        case .starting(.probing):
            guard let outcome = self.outcome(ofStarting: observation) else { return [] }
            return self.end(outcome, from: Self.cleanup(after: observation), first: [.cancelWork])
        case .ready(.rejoining):
            return self.rejoin(observation)
        case .ready(.serving):
            guard let outcome = self.outcome(ofReady: observation) else { return [] }
            return self.end(outcome, from: Self.cleanup(after: observation))
        case .ending(let outcome, .settling):
            return observation == .foreign
                ? self.end(outcome, from: .drainingLogs(removes: false)) : self.clean(outcome, from: .stopping)
        case .waiting, .loading(.pulling), .loading(.creating), .loading(.launching), .loading(.discarding), .ended,
            .ending(_, .stopping), .ending(_, .stoppingLeftover), .ending(_, .drainingLogs), .ending(_, .removing):
            return []  // an inspection begun earlier
        }
    }

    private mutating func adopt(_ observation: ContainerObservation, _ attempt: Attempt) -> [Action] {
        switch observation {
        case .absent:
            return self.load(attempt)
        case .foreign:
            let message = "a container of the backend's name exists which Plane did not make"
            return self.end(BackendOutcome(.errorLoading, .containerRefused, message: message), from: .drainingLogs(removes: false))
        case .created:
            self.state = .loading(.launching(attempt))
            return [.start]
        case .running, .networkLost, .exited, .oversized:
            self.state = .starting(.locating)
            return [.record(.starting, route: nil)] + self.locate(observation)
        }
    }

    private mutating func locate(_ observation: ContainerObservation) -> [Action] {
        if let outcome = self.outcome(ofStarting: observation) {
            return self.end(outcome, from: Self.cleanup(after: observation))
        }
        guard let address = self.address(of: observation) else {
            return self.end(Self.addressless, from: .stopping)
        }
        self.state = .starting(.probing(address))
        return [.probe(address), .followLogs]
    }

    private mutating func rejoin(_ observation: ContainerObservation) -> [Action] {
        if let outcome = self.outcome(ofReady: observation) {
            return self.end(outcome, from: Self.cleanup(after: observation))
        }
        guard let address = self.address(of: observation) else {
            return self.end(Self.addressless, from: .stopping)
        }
        self.state = .ready(.serving(address))
        return [.watchIdle(address), .followLogs]
    }

    private func address(of observation: ContainerObservation) -> ContainerAddress? {
        switch observation {
        case .running(let ip?): ContainerAddress(ip: ip, port: self.port)
        case .running(nil), .networkLost, .absent, .foreign, .oversized, .created, .exited: nil
        }
    }

    /// How a starting backend has ended; nil while it runs. A container that ends before it has answered did not start, whatever its exit code.
    private func outcome(ofStarting observation: ContainerObservation) -> BackendOutcome? {
        switch observation {
        case .running: nil
        case .oversized: Self.oversized
        case .networkLost: Self.networkLost(.errorStarting)
        case .absent, .foreign, .created: Self.vanished(.errorStarting)
        case .exited(let code, let outOfMemory):
            BackendOutcome(
                .errorStarting, outOfMemory ? .outOfMemory : .crashOnBoot, exitCode: code,
                message: "the container ended before its port answered")
        }
    }

    private func outcome(ofReady observation: ContainerObservation) -> BackendOutcome? {
        switch observation {
        case .running: nil
        case .oversized: Self.oversized
        case .networkLost: Self.networkLost(.failed)
        case .absent, .foreign, .created: Self.vanished(.failed)
        case .exited(let code, let outOfMemory):
            BackendOutcome(code == 0 ? .exited : .failed, outOfMemory ? .outOfMemory : .exitedByItself, exitCode: code)
        }
    }

    private static func vanished(_ state: BackendState) -> BackendOutcome {
        BackendOutcome(state, .vanished, message: "the container is gone, and nobody saw how")
    }

    private static func networkLost(_ state: BackendState) -> BackendOutcome {
        BackendOutcome(state, .networkLost, message: "the container that held its network has ended, and nothing reaches it any more")
    }

    /// The step with which to begin cleaning up a container in this condition.
    private static func cleanup(after observation: ContainerObservation) -> Cleanup {
        switch observation {
        case .foreign: .drainingLogs(removes: false)
        case .oversized, .networkLost: .stopping
        case .absent, .created, .running, .exited: .drainingLogs(removes: true)
        }
    }

    private static let oversized = BackendOutcome(
        .failed, .containerRefused, message: "the labels of its image are larger than a container's may be (1 MiB)")

    private static let addressless = BackendOutcome(
        .failed, .internalError, message: "the container has no address of its own: agent.docker.network may be one that gives none")
}
