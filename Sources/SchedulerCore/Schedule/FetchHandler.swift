import PlaneProtocol
import PlaneService

/// Answers which backend holds a lock.
struct FetchHandler: Sendable {
    let world: LiveWorld
    let limits: ScheduleLimits

    /// A lock that somebody is about to take, or whose holder's drone has not been heard yet, is waited for, within limits.
    func handle(_ request: FetchBackendForLock) async -> FetchReply {
        guard self.world.isCurrent else { return .error(.isBehind(self.world.staleReason)) }
        guard await self.world.waitUntilRebuilt(within: self.limits.lockWait) else { return .error(.isRebuilding) }
        var sight = self.world.sight(of: request.lock, in: request.cluster)
        let deadline = ContinuousClock.now + self.limits.lockWait
        while true {
            switch sight {
            case .free: return .noBackendForLock
            case .held(let holder):
                return .scheduled(
                    FetchedBackend(
                        drone: holder.drone, backendID: holder.backend, bearerToken: holder.bearerToken, isEnding: holder.isEnding))
            case .announced, .assigned:
                let later = await self.world.waitUntil(
                    lock: request.lock, in: request.cluster, differsFrom: sight, within: deadline - .now)
                guard let later else {
                    if case .assigned(let holder) = sight { return .error(.isUnheard(holder)) }
                    return .error(ErrorReply(code: .lockBusy, message: "a request for the lock has not finished; try again"))
                }
                sight = later
            }
        }
    }
}
