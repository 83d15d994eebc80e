import PlaneProtocol
import PlaneService
import PlaneState

/// Handles questions which backend holds a lock.
struct FetchHandler: Sendable {
    let fleet: StateStore
    let limits: ScheduleLimits
    let tokenStore: BearerTokenStore

    /// Waits, within limits, while a scheduler is about to take the lock, or while the holder's drone has reported no state of it.
    func handle(_ request: FetchBackendForLock) async -> FetchReply {
        guard self.fleet.isCurrent else { return .error(.isBehind(self.fleet.staleReason)) }
        guard await self.fleet.waitUntilRebuilt(within: self.limits.lockWait) else { return .error(.isRebuilding) }
        var lockView = self.fleet.lockView(of: request.lock, in: request.cluster)
        let deadline = ContinuousClock.now + self.limits.lockWait
        while true {
            switch lockView {
            case .free: return .noBackendForLock
            case .held(let holder):
                return await self.reply(holder, in: request.cluster)
            case .announced, .assigned:
                let later = await self.fleet.waitUntil(
                    lock: request.lock, in: request.cluster, differsFrom: lockView, within: deadline - .now)
                guard let later else {
                    if case .assigned(let holder) = lockView { return .error(.isUnheard(holder)) }
                    return .error(ErrorReply(code: .lockBusy, message: "a request for the lock has not finished; try again"))
                }
                lockView = later
            }
        }
    }

    private func reply(_ holder: LockView.Holder, in cluster: ClusterName) async -> FetchReply {
        var found = FetchedBackend(
            drone: holder.drone, backendID: holder.backend, bearerToken: holder.bearerToken, isEnding: holder.isEnding, tag: holder.tag,
            url: self.fleet.url(of: holder.backend, on: holder.drone, in: cluster))
        guard self.fleet.ask({ $0.backend(holder.backend, in: cluster)?.hasHiddenToken == true }) else { return .scheduled(found) }
        do {
            guard let token = try await self.tokenStore.token(of: holder.backend, in: cluster) else { return .error(.hasNoToken) }
            found.bearerToken = token
            return .scheduled(found)
        } catch {
            return .error(.hasNoToken)
        }
    }
}
