import DockerEngine
import PlaneProtocol

/// The transitions from a request to a started container.
extension BackendMachine {
    /// Begins to make a container that does not exist yet. It is created at once, without asking first whether the image is there.
    mutating func load(_ attempt: Attempt) -> [Action] {
        if self.pullPolicy == .always, !attempt.pulled {
            self.state = .loading(.pulling(attempt))
            return [.pull]
        }
        self.state = .loading(.creating(attempt))
        return [.create(plainly: attempt.isPlain)]
    }

    package mutating func pulled() -> [Action] {
        switch self.state {
        case .loading(.pulling(var attempt)):
            attempt.pulled = true
            return self.load(attempt)
        case .waiting, .loading(.adopting), .loading(.creating), .loading(.launching), .loading(.discarding), .starting, .ready, .ending, .ended:
            return []  // ended while it was being pulled
        }
    }

    package mutating func pullFailed(_ failure: BackendEngineError) -> [Action] {
        switch self.state {
        case .loading(.pulling):
            return self.endLoading(Self.cause(ofPulling: failure.code), failure)
        case .waiting, .loading(.adopting), .loading(.creating), .loading(.launching), .loading(.discarding), .starting, .ready, .ending, .ended:
            return []  // ended while it was being pulled
        }
    }

    package mutating func created() -> [Action] {
        switch self.state {
        case .loading(.creating(let attempt)):
            self.state = .loading(.launching(attempt))
            return [.start]
        case .ending(let outcome, .settling):
            return self.end(outcome, from: .drainingLogs(removes: true))  // never started
        case .waiting, .loading(.adopting), .loading(.pulling), .loading(.launching), .loading(.discarding), .starting, .ready, .ended,
            .ending(_, .stopping), .ending(_, .stoppingLeftover), .ending(_, .drainingLogs), .ending(_, .removing):
            return []
        }
    }

    package mutating func createFailed(_ failure: BackendEngineError) -> [Action] {
        switch self.state {
        case .loading(.creating(var attempt)):
            switch failure.code {
            case .imageMissing where self.pullPolicy == .never || attempt.pulled:
                return self.endLoading(.imageMissing, failure)
            case .imageMissing:
                self.state = .loading(.pulling(attempt))
                return [.pull]
            case .nameTaken where !attempt.adopted:
                attempt.adopted = true
                self.state = .loading(.adopting(attempt))
                return [.inspect]
            case .nameTaken, .imageNotFound, .pullDenied, .registry, .diskFull, .refused, .shortcutFailed, .unavailable:
                return self.endLoading(Self.cause(ofMaking: failure.code), failure)
            }
        case .ending(let outcome, .settling):
            return self.end(outcome, from: .drainingLogs(removes: true))  // the failure may hide a success, but nothing was started
        case .waiting, .loading(.adopting), .loading(.pulling), .loading(.launching), .loading(.discarding), .starting, .ready, .ended,
            .ending(_, .stopping), .ending(_, .stoppingLeftover), .ending(_, .drainingLogs), .ending(_, .removing):
            return []
        }
    }

    package mutating func started() -> [Action] {
        switch self.state {
        case .loading(.launching):
            self.state = .starting(.locating)
            return [.inspect, .record(.starting, route: nil)]
        case .ending(let outcome, .settling):
            return self.clean(outcome, from: .stopping)
        case .waiting, .loading(.adopting), .loading(.pulling), .loading(.creating), .loading(.discarding), .starting, .ready, .ended,
            .ending(_, .stopping), .ending(_, .stoppingLeftover), .ending(_, .drainingLogs), .ending(_, .removing):
            return []
        }
    }

    package mutating func startFailed(_ failure: BackendEngineError) -> [Action] {
        switch self.state {
        case .loading(.launching(var attempt)):
            guard failure.code == .shortcutFailed, !attempt.isPlain else { return self.endLoading(Self.cause(ofMaking: failure.code), failure) }
            attempt.isPlain = true
            self.state = .loading(.discarding(attempt))
            return [.discard]
        case .ending(let outcome, .settling):
            return self.clean(outcome, from: .stopping)  // the failure may hide a success
        case .waiting, .loading(.adopting), .loading(.pulling), .loading(.creating), .loading(.discarding), .starting, .ready, .ended,
            .ending(_, .stopping), .ending(_, .stoppingLeftover), .ending(_, .drainingLogs), .ending(_, .removing):
            return []
        }
    }

    /// The container that could not be started has been removed.
    package mutating func discarded() -> [Action] {
        switch self.state {
        case .loading(.discarding(let attempt)):
            return self.load(attempt)
        case .ending(let outcome, .settling):
            return self.end(outcome, from: .drainingLogs(removes: true))  // never started
        case .waiting, .loading(.adopting), .loading(.pulling), .loading(.creating), .loading(.launching), .starting, .ready, .ended,
            .ending(_, .stopping), .ending(_, .stoppingLeftover), .ending(_, .drainingLogs), .ending(_, .removing):
            return []
        }
    }

    private static func cause(ofPulling code: BackendEngineError.Code) -> BackendCause {
        switch code {
        case .imageNotFound, .imageMissing: .imageNotFound
        case .pullDenied: .pullDenied
        case .diskFull: .diskFull
        case .registry(let trouble): Self.cause(of: trouble)
        case .unavailable: .engineUnavailable
        case .nameTaken, .refused, .shortcutFailed: .imagePullFailed
        }
    }

    private static func cause(of trouble: RegistryTrouble) -> BackendCause {
        switch trouble {
        case .rateLimited: .pullRateLimited
        case .quotaExceeded: .pullQuotaExceeded
        case .unresolved: .registryUnresolved
        case .untrusted: .registryUntrusted
        case .timedOut: .registryTimedOut
        case .failed: .registryFailed
        case .unreachable: .imagePullFailed
        }
    }

    private static func cause(ofMaking code: BackendEngineError.Code) -> BackendCause {
        switch code {
        case .imageNotFound: .imageNotFound
        case .imageMissing: .imageMissing
        case .diskFull: .diskFull
        case .unavailable: .engineUnavailable
        case .nameTaken, .pullDenied, .registry, .refused, .shortcutFailed: .containerRefused
        }
    }

    private mutating func endLoading(_ cause: BackendCause, _ failure: BackendEngineError) -> [Action] {
        self.end(BackendOutcome(.errorLoading, cause, message: failure.message), from: .drainingLogs(removes: true))
    }
}
