package import PlaneProtocol

/// The states of one backend on this drone. For each event it says which actions the caller has to carry out; the machine itself knows
/// nothing of Docker, SQLite, NATS or the time.
///
/// ```
///   waiting ──► loading ───────────► starting ────────► ready
///                adopting, pulling,   locating, probing   rejoining, serving
///                creating, launching      │                  │
///                   └────────────┬────────┴──────────────────┘
///                                ▼
///                             ending:  settling ─► stopping ─► drainingLogs ─► removing ──► ended
/// ```
///
/// When the drone ends a backend (it is idle, somebody asked for its end, or it was not ready in time), this has two parts. First the drone
/// records that the end has begun: the proxy stops sending requests to the backend, and the schedulers are told that it is ending. The end
/// itself is recorded when the container's process is gone, and not before: until then the backend holds its lock. A container that ended by
/// itself has nothing left to stop, and its end is recorded at once. Then the container is removed.
///
/// At most one call that makes or starts the container is under way; an end that arrives meanwhile begins at once and goes on when that
/// call has returned, so that no container is left behind by a creation nobody waited for.
///
/// An event that comes too late for the state it was meant for changes nothing: its sender could not know that the state had changed.
package struct BackendMachine: Sendable {
    package enum State: Hashable, Sendable {
        case waiting(Origin)
        case loading(Load)
        case starting(Start)
        case ready(Ready)
        case ending(BackendOutcome, Cleanup)
        case ended(BackendOutcome)
    }

    /// In which state the machine begins: with a new backend, or with one of the table that had no machine.
    package enum Origin: Hashable, Sendable {
        case admitted
        case loading, starting, ready
        /// It was loading, in a container that ran before; nobody knows whether that was told what to run.
        case claimed
        /// Its end has begun, and nobody saw its process end.
        case ending(BackendOutcome)
        case ended(BackendOutcome)
    }

    package enum Load: Hashable, Sendable {
        /// A container of this name exists or may exist, from an attempt whose end was not recorded.
        case adopting(Attempt)
        case pulling(Attempt)
        case creating(Attempt)
        case launching(Attempt)
        /// The container cannot be started because it was made with a shortcut; it is removed and made without one.
        case discarding(Attempt)
    }

    /// What has been tried to get a container. Each is tried once.
    package struct Attempt: Hashable, Sendable {
        package var pulled = false
        package var adopted = false
        /// The container is made without shortcuts, that is without what only makes it start faster.
        package var isPlain = false
    }

    package enum Start: Hashable, Sendable {
        case locating
        case probing(ContainerAddress)
    }

    package enum Ready: Hashable, Sendable {
        /// The backend was ready when the agent last ran, and has not been inspected since.
        case rejoining
        case serving(ContainerAddress)
    }

    package enum Cleanup: Hashable, Sendable {
        /// A call that makes, starts or finds the container has not returned yet.
        case settling
        /// Stopping the process. When it is gone the end is recorded.
        case stopping
        /// Stopping the process of a backend whose end is already recorded.
        case stoppingLeftover
        case drainingLogs(removes: Bool)
        case removing
    }

    package enum Action: Hashable, Sendable {
        case pull
        case create(plainly: Bool)
        case start
        /// Remove the container that cannot be started; answered by `discarded`.
        case discard
        /// Inspect the container; answered by `inspected`, however long the engine is away.
        case inspect
        case probe(ContainerAddress)
        /// Stop pulling or probing; the result is not needed any more.
        case cancelWork
        case record(BackendState, route: ContainerAddress?)
        /// Record that the end has begun: from then on the proxy sends no requests, and the schedulers are told.
        case recordEnding(BackendOutcome)
        case recordEnd(BackendOutcome)
        case followLogs
        /// Watch the last activity, and record the beginning of the end when the backend is idle; answered by `wentIdle`.
        case watchIdle(ContainerAddress)
        case stop(BackendEnding.Kind)
        /// Pass on the rest of the container's output, then this line.
        case drainLogs(note: String?)
        case remove
        case finish
    }

    package internal(set) var state: State
    let pullPolicy: PullPolicy
    let port: UInt16

    package init(_ origin: Origin, pullPolicy: PullPolicy, port: UInt16) {
        self.state = .waiting(origin)
        self.pullPolicy = pullPolicy
        self.port = port
    }

    /// Whether the container's process should be running.
    package var isRunning: Bool {
        switch self.state {
        case .starting, .ready: true
        case .waiting, .loading, .ending, .ended: false
        }
    }

    // MARK: - Beginning

    package mutating func begin() -> [Action] {
        guard case .waiting(let origin) = self.state else { return [] }  // begins once
        switch origin {
        case .admitted:
            return self.load(Attempt())
        case .loading:
            self.state = .loading(.adopting(Attempt()))
            return [.inspect]
        case .claimed:
            // It has told nobody that it runs, so nobody misses what it may have begun.
            self.state = .loading(.discarding(Attempt(isPlain: true)))
            return [.discard]
        case .starting:
            self.state = .starting(.locating)
            return [.inspect]
        case .ready:
            self.state = .ready(.rejoining)
            return [.inspect]
        case .ending(let outcome):
            return self.clean(outcome, from: .stopping)
        case .ended(let outcome):
            return self.clean(outcome, from: .stoppingLeftover)
        }
    }
}

/// What can happen to a backend. The machine has one method for each.
package enum BackendEvent: Hashable, Sendable {
    case begin
    case pulled, pullFailed(BackendEngineError)
    case created, createFailed(BackendEngineError)
    case started, startFailed(BackendEngineError), discarded
    case exitHint, inspected(ContainerObservation)
    case answered, unanswered(ProbeResult.Silence)
    case wentIdle, lifetimeOver
    case terminate(BackendEnding.Kind)
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
        case .discarded: self.discarded()
        case .exitHint: self.exitHint()
        case .inspected(let observation): self.inspected(observation)
        case .answered: self.answered()
        case .unanswered(let silence): self.unanswered(silence)
        case .wentIdle: self.wentIdle()
        case .lifetimeOver: self.end(by: BackendOutcome(.swept, .lifetime))
        case .terminate(let kind): self.terminate(kind)
        case .stopped: self.stopped()
        case .logsDrained: self.logsDrained()
        case .removed: self.removed()
        }
    }
}
