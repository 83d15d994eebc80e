package import PlaneProtocol

/// One backend's life on this drone: takes what happened, answers what is to be done. Knows nothing of Docker, SQLite, NATS or the time.
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
/// An end of ours (idle, asked for, not ready in time) has two parts. That it has begun is recorded first: the proxy stops sending requests
/// there, and the schedulers are told that the backend is ending. The end itself is recorded when the container's process is gone, and not
/// before: until then the backend holds its lock. A container that ended by itself has nothing left to stop, and its end is recorded at
/// once. Then the container is removed.
///
/// At most one call that makes or starts the container is under way; an end that arrives meanwhile begins at once and goes on when that
/// call has returned, so that no container is left behind by a creation nobody waited for.
///
/// An event that comes too late for the state it was meant for changes nothing: the sender could not know.
package struct BackendMachine: Sendable {
    package enum State: Hashable, Sendable {
        case waiting(Origin)
        case loading(Load)
        case starting(Start)
        case ready(Ready)
        case ending(BackendOutcome, Cleanup)
        case ended(BackendOutcome)
    }

    /// Where the machine begins: with a new backend, or with what the table says of one it has not seen before.
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
        /// A container of that name exists or may exist, from an attempt nobody saw the end of.
        case adopting(Attempt)
        case pulling(Attempt)
        case creating(Attempt)
        case launching(Attempt)
        /// The container cannot be started as it was made, and is removed, to be made plainly.
        case discarding(Attempt)
    }

    /// What has been tried on the way to a container; each is tried once.
    package struct Attempt: Hashable, Sendable {
        package var pulled = false
        package var adopted = false
        /// The container is made without anything that only makes it start faster.
        package var isPlain = false
    }

    package enum Start: Hashable, Sendable {
        case locating
        case probing(ContainerAddress)
    }

    package enum Ready: Hashable, Sendable {
        /// It was ready when the agent last ran; nobody has looked since.
        case rejoining
        case serving(ContainerAddress)
    }

    package enum Cleanup: Hashable, Sendable {
        /// A call that makes, starts or looks for the container is still under way.
        case settling
        /// The end is recorded once the process is gone.
        case stopping
        /// The same for what has ended in the table already.
        case stoppingLeftover
        case drainingLogs(removes: Bool)
        case removing
    }

    package enum Action: Hashable, Sendable {
        case pull
        case create(plainly: Bool)
        case start
        /// Remove the container that cannot be started; answered with `discarded`.
        case discard
        /// Answered with `inspected`, however long the engine is away.
        case inspect
        case probe(ContainerAddress)
        /// Stop pulling or probing; the answer is not wanted any more.
        case cancelWork
        case record(BackendState, route: ContainerAddress?)
        /// The end has begun: nothing new gets in, and everybody is told.
        case recordEnding(BackendOutcome)
        case recordEnd(BackendOutcome)
        case followLogs
        /// Watch the last activity, and begin the end in the table when it is idle; answered with `wentIdle`.
        case watchIdle(ContainerAddress)
        case stop(BackendEnding.Kind)
        /// Pass on what the container printed to the end, then this line.
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

    /// Whether the container's process is believed to live and to be wanted.
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

/// What can happen to a backend. One method of the machine each.
package enum BackendEvent: Hashable, Sendable {
    case begin
    case pulled, pullFailed(EngineFailure)
    case created, createFailed(EngineFailure)
    case started, startFailed(EngineFailure), discarded
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
