import PlaneProtocol
import PlaneState

extension FleetState {
    func lockView(of lock: LockName, in cluster: ClusterName) -> LockView {
        let lastAnnouncement = self.announcementSequence(of: lock, in: cluster)
        switch self.lock(lock, in: cluster) {
        case .free: return .free(lastAnnouncement: lastAnnouncement)
        case .announced: return .announced(at: lastAnnouncement)
        case .held(let backend):
            // Only an assignment makes a backend a holder, so its drone is known.
            guard let view = self.backend(backend, in: cluster), let drone = view.drone else { return .free(lastAnnouncement: lastAnnouncement) }
            let holder = LockView.Holder(
                backend: backend, drone: drone, bearerToken: view.bearerToken, isEnding: view.isEnding, tag: view.tag)
            return view.state == nil && !view.isEnding ? .assigned(holder) : .held(holder)
        }
    }
}
