import GatewayCore
import GatewayHTTPConfiguration
import NATS
import PlaneClient
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneState
import Timing

/// Carries out the actions of a `ConnectMachine`, and makes the visitor's token.
struct ConnectHandler: Sendable {
    let fleet: Fleet
    let configuration: GatewayConfiguration
    let tokens: TokenWriter

    /// What a request says apart from its body.
    struct RequestContext: Sendable {
        var caller: Caller
        /// What tells callers without a name apart, for their idempotency keys.
        var credentials: TokenHash?
        /// Base of the URLs of statuses.
        var base: String
        /// Requests with the same key get the same backend.
        var idempotencyKey: String?
        /// How long to wait until the backend is ready; nil does not wait.
        var readyLimit: Duration?
    }

    private var homes: KeyHomes { KeyHomes(jetStream: self.fleet.client.bus.connection.jetStream, logger: self.fleet.logger) }

    /// The time between attempts to get a lock that others are taking.
    private static let pause: Duration = .milliseconds(100)
    /// How long a scheduler may take to answer; it waits up to 6 s for a lock itself.
    private static let fetchLimit: Duration = .seconds(8)

    /// Rights come first: before anything is written, and before the caller is told whether somebody holds a key.
    func connect(_ request: ConnectRequest, _ context: RequestContext) async throws(GatewayError) -> ConnectResponse {
        guard context.caller.mayChange(namespace: request.key?.namespace ?? "") else { throw Self.forbidden }
        try self.fleet.demandCurrent()
        try self.tokens.check(request)
        // Made when it is needed, since most requests find a holder, and once, since all attempts have to name the same backend.
        var attempt: SpawnAttempt?
        var machine = ConnectMachine(request, defaultCluster: self.configuration.defaultCluster)
        let start = ContinuousClock.now
        // Begins anew behind each wait that the table of the machine has.
        var deadline = AnswerDeadline()
        var action = machine.begin()
        while true {
            switch action {
            case .find(let lock):
                let holder = try await self.find(lock, deadline)
                try self.permit(context.caller, holder, request)
                action = machine.found(holder, elapsed: .now - start)
            case .ask(let lock, let cluster):
                let holder = try await self.ask(lock, in: cluster, deadline)
                try self.permit(context.caller, holder, request)
                action = machine.asked(holder, elapsed: .now - start)
            case .readHome(let lock):
                let homes = self.homes
                let home = try await deadline.within { () async throws(GatewayError) in try await homes.read(lock) }
                action = machine.read(home, elapsed: .now - start)
            case .claimHome(let lock, let cluster, let expecting):
                try self.permit(context.caller, cluster, pool: request.spawn?.pool, request)
                action = machine.claimed(try await self.homes.claim(lock, for: cluster, expecting: expecting, limit: deadline.left), in: cluster)
            case .schedule(let cluster):
                try self.permit(context.caller, cluster, pool: request.spawn?.pool, request)
                let made: SpawnAttempt
                if let attempt { made = attempt } else { made = try SpawnAttempt(request, context, self.fleet, self.tokens) }
                attempt = made
                let answer = try await deadline.within { () async throws(GatewayError) in try await made.run(in: cluster) }
                if case .held(let holder) = answer { try self.permit(context.caller, holder, request) }
                action = machine.scheduled(answer, elapsed: .now - start)
            case .awaitEnd(let holder):
                action = machine.waited(hasEnded: await self.awaitEnd(of: holder, limit: ConnectMachine.timeLimit - (.now - start)))
                deadline = AnswerDeadline()
            case .pause:
                do { try await Task.sleep(for: Self.pause) } catch { throw .unavailable("cancelled") }
                deadline = AnswerDeadline()
                action = machine.paused()
            case .finish(.failure(let failure)): throw failure
            case .finish(.spawned(let holder)): return try await self.answer(holder, .spawned, lock: attempt?.lock, request, context, deadline)
            case .finish(.repeated(let holder)): return try await self.answer(holder, .repeated, lock: attempt?.lock, request, context, deadline)
            case .finish(.reuse(let holder)):
                return try await self.answer(holder, .found, lock: attempt?.lock ?? request.key?.lock, request, context, deadline)
            }
        }
    }

    private static let forbidden = GatewayError(status: 403, text: "This token does not reach that far.")

    private func permit(_ caller: Caller, _ cluster: ClusterName, pool: PoolName?, _ request: ConnectRequest) throws(GatewayError) {
        guard caller.may(CallScope(changes: true, cluster: cluster, pool: pool ?? .unnamed, namespace: request.key?.namespace ?? "")) else {
            throw Self.forbidden
        }
    }

    /// - Parameter holder: who has the key; nil for nobody.
    private func permit(_ caller: Caller, _ holder: KeyHolder?, _ request: ConnectRequest) throws(GatewayError) {
        guard let holder else { return }
        let pool = holder.drone.flatMap { self.fleet.drone($0, in: holder.cluster)?.metadata?.abilities.pool }
        try self.permit(caller, holder.cluster, pool: pool, request)
    }

    // MARK: Who holds the key

    private func find(_ lock: LockName, _ deadline: AnswerDeadline) async throws(GatewayError) -> KeyHolder? {
        guard let located = self.fleet.holder(of: lock) else { return nil }
        guard let tag = located.view.tag else { return try await self.ask(lock, in: located.cluster, deadline) }
        return KeyHolder(
            backend: located.view.id, cluster: located.cluster, drone: located.view.drone, tag: tag, isEnding: located.view.isEnding,
            bearerToken: located.view.bearerToken, fencingToken: located.view.fencingToken)
    }

    private func ask(_ lock: LockName, in cluster: ClusterName, _ deadline: AnswerDeadline) async throws(GatewayError) -> KeyHolder? {
        do throws(PlaneError) {
            guard let holder = try await self.fleet.client.holder(of: lock, in: cluster, limit: min(Self.fetchLimit, deadline.left)) else { return nil }
            return KeyHolder(
                backend: holder.backendID, cluster: cluster, drone: holder.drone, tag: holder.tag, isEnding: holder.isEnding,
                bearerToken: holder.bearerToken)
        } catch {
            throw .unavailable("\(error)")
        }
    }

    /// Waits for the holder's end; returns whether it has ended in time.
    private func awaitEnd(of holder: KeyHolder, limit: Duration) async -> Bool {
        let mirror = self.fleet.mirror
        return await withTimeLimit(limit) {
            await mirror.wait(for: holder.backend, in: holder.cluster) { view in view?.state.map(\.isTerminal) ?? (view == nil) ? true : nil } ?? false
        } ?? false
    }

    // MARK: The answer

    /// What an answer tells of.
    private enum Kind {
        case spawned
        /// By this request before, whose answer was lost: told as it was then, but for what has become of it since.
        case repeated
        case found
    }

    private func answer(
        _ holder: KeyHolder, _ kind: Kind, lock: LockName?, _ request: ConnectRequest, _ context: RequestContext, _ deadline: AnswerDeadline
    ) async throws(GatewayError) -> ConnectResponse {
        let life = self.life(of: holder)
        let tokens = self.tokens
        // What is in memory needs no limit, which would cost more than it does.
        let opened: OpenedBackend
        if let known = tokens.known(life) {
            opened = known
        } else {
            opened = try await deadline.within { () async throws(GatewayError) in try await tokens.opened(life, isNew: kind == .spawned) }
        }
        let made = try await tokens.make(for: holder, life, opened, request, limit: deadline.left)
        let backendURL = try await self.backendURL(of: holder, life, isNew: kind == .spawned, lock: lock, deadline)
        var status = kind == .spawned ? .scheduled : self.status(of: holder)
        if let limit = context.readyLimit { status = await self.awaitReady(holder, limit: limit) }
        return ConnectResponse(
            backend: holder.backend, spawned: kind != .found, status: status, token: made.token,
            url: PublicAddress.ofToken(made.token, in: holder.cluster, subdomain: opened.subdomain), subdomain: opened.subdomain,
            secretToken: made.secret, statusURL: PublicAddress.ofStatus(holder.backend, base: context.base),
            drone: kind == .found ? nil : holder.drone, backendURL: backendURL,
            tokenExpires: made.expires, readyInMilliseconds: kind == .spawned ? holder.readyInMilliseconds : nil)
    }

    /// Where a scheduler has told of the holder, the state may not know it yet.
    private func life(of holder: KeyHolder) -> BackendLife {
        let fencingToken = holder.fencingToken ?? self.fleet.mirror.ask { $0.backend(holder.backend, in: holder.cluster)?.fencingToken }
        return BackendLife(backend: holder.backend, cluster: holder.cluster, fencingToken: fencingToken)
    }

    private func status(of holder: KeyHolder) -> GatewayStatus {
        self.fleet.mirror.ask { fleet in
            let view = fleet.backend(holder.backend, in: holder.cluster)
            return GatewayStatus(view?.state, ending: view?.ending)
        }
    }

    private func awaitReady(_ holder: KeyHolder, limit: Duration) async -> GatewayStatus {
        let mirror = self.fleet.mirror
        _ = await withTimeLimit(limit) {
            await mirror.wait(for: holder.backend, in: holder.cluster) { view in
                view?.state.map { $0 == .ready || $0.isTerminal } ?? false ? true : nil
            }
        }
        return self.status(of: holder)
    }

    /// Where the drone's own proxy serves it, for installations without a tier.
    private func backendURL(
        of holder: KeyHolder, _ life: BackendLife, isNew: Bool, lock: LockName?, _ deadline: AnswerDeadline
    ) async throws(GatewayError) -> Secret? {
        guard !self.configuration.hasProxyTier, let drone = holder.drone else { return nil }
        let endpoint = self.fleet.drone(drone, in: holder.cluster)?.metadata?.endpoint ?? PublicEndpoint()
        var bearerToken = holder.bearerToken ?? self.fleet.memory.bearerToken(of: life)
        // The state does not hold every token; a scheduler knows it, of the backend that holds the lock by then.
        if bearerToken == nil, !isNew, let lock, let told = try await self.ask(lock, in: holder.cluster, deadline), told.backend == holder.backend {
            bearerToken = told.bearerToken
        }
        guard let bearerToken else { return nil }
        self.fleet.memory.remember(bearerToken, of: life)
        return PublicAddress.ofBackend(holder.backend, in: holder.cluster, at: endpoint, bearerToken: bearerToken)
    }
}
