import Crypto
import GatewayCore
import GatewayHTTPConfiguration
import NATS
import PlaneClient
import PlaneProtocol
import PlaneState
import Timing

/// Asks the schedulers for the backend of one request, again where that is harmless: all attempts name the same backend.
///
/// So do all repetitions of a request with one idempotency key, at whichever gateway: the id comes from the key. They also ask for the same lock,
/// so that the schedulers let one of two at the same time wait for the other. A backend of which nothing came, because no drone took it, is no
/// answer; the repetition then asks for the next id of the key, which all others do as well.
struct SpawnAttempt: Sendable {
    private let fleet: Fleet
    private let tokens: TokenWriter
    private let recipe: SpawnConfig?
    private let key: BackendKey
    private let staticToken: VisitorToken?
    private let requester: String?
    private let names: Names

    /// Where the id of the backend comes from.
    private enum Names: Sendable {
        /// Made up, or the caller's own.
        case one(BackendID)
        case ofIdempotencyKey(String)
    }

    /// What there is under an id that schedulers say is taken.
    private enum Trace: Sendable {
        case backend(KeyHolder)
        /// It was given to a drone and marked as ended before any drone had taken it.
        case nothing
        /// Not seen in time.
        case unknown
    }

    /// The limit for all attempts together; the gateway answers within 10 s.
    private static let limit: Duration = .seconds(9)
    /// The limit for one answer; a scheduler waits up to 6 s for a lock that is being taken.
    private static let answerLimit: Duration = .seconds(7)
    /// For the first word of a backend whose id is taken.
    private static let placingLimit: Duration = .seconds(3)
    /// The pauses between attempts: long enough while a scheduler is replaced or NATS elects a leader.
    private static let pauses: [Duration] = [.milliseconds(100), .milliseconds(400), .seconds(1), .seconds(2), .seconds(2)]
    /// Ids of one idempotency key: each is used up by a request of which nothing came.
    private static let idsOfKey = 16

    init(_ request: ConnectRequest, _ context: ConnectHandler.RequestContext, _ fleet: Fleet, _ tokens: TokenWriter) throws(GatewayError) {
        var generator = SystemRandomNumberGenerator()
        self.fleet = fleet
        self.tokens = tokens
        self.recipe = request.spawn
        self.requester = context.caller.name
        self.staticToken = request.spawn?.usesStaticToken ?? false ? .random(isStatic: true, using: &generator) : nil
        /// Of a lock that is only for this request, where it has no key.
        var lockSeed: String?
        if let id = request.spawn?.id {
            // It says by itself what a repetition is.
            self.names = .one(id)
        } else if let idempotencyKey = context.idempotencyKey {
            // Behind another server that decides about callers, they have no names here, but credentials of their own.
            let caller = context.caller.name ?? context.credentials.map { "\($0)" } ?? ""
            let seed = "plane gateway idempotency\n\(caller)\n\(idempotencyKey)"
            self.names = .ofIdempotencyKey(seed)
            lockSeed = "\(seed)\nlock"
        } else {
            guard let id = BackendID.short(using: &generator) else { throw GatewayError(.other, internalCause: "a name that was made up is none") }
            self.names = .one(id)
        }
        if let key = request.key {
            self.key = key
        } else {
            let name = lockSeed.map { RandomName.text(from: SHA256.hash(data: Array($0.utf8))) } ?? RandomName.text(using: &generator)
            guard let key = BackendKey(name: "lk-\(name)") else { throw GatewayError(.other, internalCause: "a name that was made up is none") }
            self.key = key
        }
    }

    var lock: LockName { self.key.lock }
    /// What visitors are told of it.
    var opened: OpenedBackend { OpenedBackend(staticToken: self.staticToken?.text, subdomain: self.recipe?.subdomain) }

    func run(in cluster: ClusterName) async throws(GatewayError) -> ConnectMachine.ScheduleAnswer {
        guard let recipe = self.recipe else { return .refused("there is no spawn_config") }
        let end = ContinuousClock.now + Self.limit
        switch self.names {
        case .one(let backend): return try await self.run(recipe, backend, in: cluster, before: end) ?? .idUsed
        case .ofIdempotencyKey(let seed):
            for number in 0..<Self.idsOfKey {
                let digest = SHA256.hash(data: Array((number == 0 ? seed : "\(seed)\n\(number)").utf8))
                guard let backend = BackendID(rawValue: RandomName.text(from: digest)) else { break }
                if let answer = try await self.run(recipe, backend, in: cluster, before: end) { return answer }
            }
            return .idUsed
        }
    }

    /// - Returns: nil where a request before this one has used up the id, and nothing came of it.
    private func run(
        _ recipe: SpawnConfig, _ backend: BackendID, in cluster: ClusterName, before end: ContinuousClock.Instant
    ) async throws(GatewayError) -> ConnectMachine.ScheduleAnswer? {
        // Whoever finds the backend, however soon, and whatever becomes of this process, finds what its visitors are to be told.
        let opened = try await self.tokens.prepare(self.opened, of: backend, in: cluster, isNew: self.isIDNew) { [fleet] in
            fleet.locate(backend) != nil
        }
        let staticToken = opened.staticToken.flatMap { VisitorToken(text: $0.exposed) }
        let request = SpawnPlan(recipe, backend: backend, key: self.key, in: cluster, staticToken: staticToken, requestedBy: self.requester).request
        let retry = ScheduleRetry(answerLimit: Self.answerLimit, pauses: Self.pauses, end: end)
        do throws(PlaneError) {
            return try await self.fleet.client.attemptSchedule(retry, { request }) {
                (reply, reason, silence) async throws(PlaneError) -> ConnectMachine.ScheduleAnswer? in
                try await self.read(reply, reason, request, backend, wasSilent: silence != nil)
            } again: { failure, _ in
                if case .notAnswered(let cause, by: _) = failure { cause.isRetryable } else { false }
            }
        } catch {
            throw self.failure(error)
        }
    }

    private func failure(_ error: PlaneError) -> GatewayError {
        if case .notAnswered(let cause, by: _) = error, cause.code == .payloadTooLarge {
            return .unprocessable("spawn_config is longer than the messages of this installation may be")
        }
        return .unavailable("\(error)")
    }

    /// Whether nobody has ever asked for a backend with this id.
    private var isIDNew: Bool { self.recipe?.id == nil && !self.isRepeatable }

    private var isRepeatable: Bool {
        switch self.names {
        case .one: false
        case .ofIdempotencyKey: true
        }
    }

    private func read(
        _ reply: ScheduleReply, _ reason: ErrorReply?, _ request: ScheduleRequest, _ backend: BackendID, wasSilent: Bool
    ) async throws(PlaneError) -> ConnectMachine.ScheduleAnswer? {
        switch reply {
        case .scheduled(let scheduled):
            let isOurs = scheduled.backendID == backend
            let holder = KeyHolder(
                backend: scheduled.backendID, cluster: request.cluster, drone: scheduled.drone, tag: isOurs ? self.key.tag : scheduled.tag,
                isEnding: scheduled.isEnding, bearerToken: scheduled.bearerToken, readyInMilliseconds: scheduled.readyInMilliseconds)
            // An attempt whose answer was lost has the lock by now.
            if scheduled.spawned || isOurs && wasSilent && !self.isRepeatable { return .spawned(holder) }
            return isOurs && self.isRepeatable ? .repeated(holder) : .held(holder)
        case .noDroneAvailable:
            if let reason, reason.code == .notPermitted || reason.code == .badRequest { return .refused(reason.message) }
            return .noDrone(detail: reason?.message)
        case .error(let error):
            switch error.code {
            case .lockBusy: return .lockBusy
            case .backendExists: return try await self.existing(backend, in: request.cluster, error, wasSilent: wasSilent)
            case .badRequest, .notPermitted: return .refused(error.message)
            default: throw .refused(error)
            }
        }
    }

    /// The id is taken: by this request before, or by another one.
    private func existing(
        _ backend: BackendID, in cluster: ClusterName, _ error: ErrorReply, wasSilent: Bool
    ) async throws(PlaneError) -> ConnectMachine.ScheduleAnswer? {
        guard wasSilent || self.isRepeatable else { return .idUsed }
        switch await self.trace(of: backend, in: cluster) {
        case .backend(let holder):
            if self.isRepeatable { return .repeated(holder) }
            return holder.isEnding ? .idUsed : .spawned(holder)
        case .nothing: return self.isRepeatable ? nil : .idUsed
        case .unknown:
            guard self.isRepeatable else { return .idUsed }
            // It may be there in a moment: no other id may be used before that is known.
            throw .refused(error)
        }
    }

    /// The state in memory is some milliseconds behind the schedulers'.
    private func trace(of backend: BackendID, in cluster: ClusterName) async -> Trace {
        let mirror = self.fleet.mirror
        let reported = await withTimeLimit(Self.placingLimit) {
            await mirror.wait(for: backend, in: cluster) { view in view?.state == nil ? nil : view }
        }
        // One that is only given to a drone may still be taken, or not.
        guard let view = reported ?? nil ?? mirror.ask({ $0.backend(backend, in: cluster) }), view.drone != nil || view.state != nil else { return .unknown }
        // Of the caller's own id: without a key the lock has a name that only this request knows.
        guard self.isRepeatable || view.lock == self.lock else { return .unknown }
        let hasEnded = view.state?.isTerminal ?? false
        if hasEnded {
            do throws(GatewayError) {
                // The public feed would not do: it forgets a backend before the state does.
                let kept = try await StatusReader(fleet: self.fleet).kept(of: Fleet.Located(cluster: cluster, view: view))
                if kept.endWithoutBeginning != nil { return .nothing }
            } catch {
                return .unknown
            }
        }
        return .backend(
            KeyHolder(
                backend: backend, cluster: cluster, drone: view.drone, tag: self.key.tag, isEnding: view.isEnding || hasEnded,
                bearerToken: view.bearerToken, fencingToken: view.fencingToken))
    }
}
