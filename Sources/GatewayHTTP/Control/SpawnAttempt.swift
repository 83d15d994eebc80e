import Crypto
import GatewayCore
import GatewayHTTPConfiguration
import NATS
import PlaneClient
import PlaneMessaging
import PlaneProtocol
import PlaneState
import Timing

/// Asks the schedulers for the backend of one request, again where that is harmless: all attempts name the same backend.
struct SpawnAttempt: Sendable {
    private let fleet: Fleet
    private let recipe: SpawnConfig?
    private let backend: BackendID
    private let key: BackendKey
    private let staticToken: VisitorToken?
    private let requester: String?
    /// An id made from the request itself may be there already, made by the same request.
    private let mayExist: Bool

    /// For all attempts together: who asks the gateway has an answer within 10 s.
    private static let limit: Duration = .seconds(9)
    /// For one answer; a scheduler waits up to 6 s for a lock that is being taken.
    private static let answerLimit: Duration = .seconds(7)
    /// For the assignment of a backend whose id is taken.
    private static let placingLimit: Duration = .seconds(3)
    /// Over the moment in which a scheduler is replaced or NATS chooses a leader.
    private static let pauses: [Duration] = [.milliseconds(100), .milliseconds(400), .seconds(1), .seconds(2), .seconds(2)]

    init(_ request: ConnectRequest, _ circumstances: ConnectHandler.Circumstances, _ fleet: Fleet) throws(GatewayFailure) {
        var generator = SystemRandomNumberGenerator()
        self.fleet = fleet
        self.recipe = request.spawn
        self.requester = circumstances.caller.name
        let repeated = circumstances.idempotencyKey.flatMap { BackendID(rawValue: RandomName.text(from: Self.digest($0, of: circumstances.caller))) }
        self.mayExist = request.spawn?.id == nil && repeated != nil
        guard let backend = request.spawn?.id ?? repeated ?? .short(using: &generator),
            let key = request.key ?? BackendKey(name: "lk-\(RandomName.text(using: &generator))")
        else { throw GatewayFailure(.other, internalCause: "a name that was made up is none") }
        self.backend = backend
        self.key = key
        self.staticToken = request.spawn?.usesStaticToken ?? false ? .random(isStatic: true, using: &generator) : nil
    }

    private static func digest(_ key: String, of caller: Caller) -> SHA256.Digest {
        SHA256.hash(data: Array("plane gateway idempotency\n\(caller.name ?? "")\n\(key)".utf8))
    }

    var pool: PoolName { self.recipe?.pool ?? .unnamed }
    /// What later visitors are to be told of it.
    var opened: OpenedBackend { OpenedBackend(staticToken: self.staticToken?.text, subdomain: self.recipe?.subdomain) }

    func run(in cluster: ClusterName) async throws(GatewayFailure) -> ConnectMachine.ScheduleAnswer {
        guard let recipe = self.recipe else { return .refused("there is no spawn_config") }
        let request = SpawnPlan(recipe, backend: self.backend, key: self.key, in: cluster, staticToken: self.staticToken, requestedBy: self.requester).request
        let end = ContinuousClock.now + Self.limit
        var wasSilent = false
        var pauses = Self.pauses[...]
        while true {
            do throws(RequestFailure) {
                let left = end - .now
                let (reply, reason) = try await self.fleet.client.bus.requestWithReason(request, timeout: min(Self.answerLimit, max(left, .milliseconds(1))))
                return try await self.read(reply, reason, request, wasSilent: wasSilent)
            } catch {
                if !error.isRefusal { wasSilent = true }
                guard case .transport(let cause) = error, cause.isRetryable, let pause = pauses.popFirst(), ContinuousClock.now + pause < end else {
                    throw self.failure(error)
                }
                do { try await Task.sleep(for: pause) } catch { throw .unavailable("cancelled") }
            }
        }
    }

    private func failure(_ error: RequestFailure) -> GatewayFailure {
        if case .transport(let cause) = error, cause.code == .payloadTooLarge {
            return .unprocessable("spawn_config is longer than the messages of this installation may be")
        }
        return .unavailable("\(error)")
    }

    private func read(
        _ reply: ScheduleReply, _ reason: ErrorReply?, _ request: ScheduleRequest, wasSilent: Bool
    ) async throws(RequestFailure) -> ConnectMachine.ScheduleAnswer {
        switch reply {
        case .scheduled(let scheduled):
            let isOurs = scheduled.backendID == self.backend
            let holder = KeyHolder(
                backend: scheduled.backendID, cluster: request.cluster, drone: scheduled.drone, tag: isOurs ? self.key.tag : scheduled.tag,
                isEnding: scheduled.isEnding, bearerToken: scheduled.bearerToken)
            // An attempt whose answer was lost has the lock by now.
            return scheduled.spawned || isOurs ? .spawned(holder) : .held(holder)
        case .noDroneAvailable:
            if let reason, reason.code == .notPermitted || reason.code == .badRequest { return .refused(reason.message) }
            return .noDrone(detail: reason?.message)
        case .error(let error):
            switch error.code {
            case .lockBusy: return .lockBusy
            case .backendExists: return await self.existing(in: request.cluster, isExpected: wasSilent || self.mayExist)
            case .badRequest, .notPermitted: return .refused(error.message)
            default: throw .refused(error)
            }
        }
    }

    /// What there is under our id already: the result of an attempt before, or of the same request before, which another gateway may be at
    /// work on now: the state in memory is some milliseconds behind the schedulers'.
    private func existing(in cluster: ClusterName, isExpected: Bool) async -> ConnectMachine.ScheduleAnswer {
        guard isExpected else { return .idUsed }
        let (mirror, backend) = (self.fleet.mirror, self.backend)
        let known = await withTimeLimit(Self.placingLimit) {
            await mirror.wait(for: backend, in: cluster) { view in view?.drone == nil && view?.state == nil ? nil : view }
        }
        guard let view = known ?? nil, let drone = view.drone, !(view.state?.isTerminal ?? false) else { return .idUsed }
        return .spawned(
            KeyHolder(backend: self.backend, cluster: cluster, drone: drone, tag: self.key.tag, isEnding: view.isEnding, bearerToken: view.bearerToken))
    }
}
