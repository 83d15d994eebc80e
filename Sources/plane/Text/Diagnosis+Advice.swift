import PlaneClient
import PlaneProtocol

extension Diagnosis {
    /// What a person may do about it, with the commands of this program.
    func advice(for backend: BackendID) -> String? {
        switch (self.state, self.cause) {
        case (_, .outOfMemory?): "Give it a higher memory limit (plane spawn --memory), or let it need less."
        case (.errorLoading, .imageMissing?): "Load the image on the drone, or spawn it with --pull-policy if-not-present."
        case (.errorLoading, .imageNotFound?), (.errorLoading, .pullDenied?):
            "Is the image's name right, and may this drone read it (--registry-user)?"
        case (.errorLoading, .pullRateLimited?):
            "Give credentials (--registry-user), for anonymous pulls are counted by address; or set up a mirror for the drone's Docker."
        case (.errorLoading, .pullQuotaExceeded?): "Ask whoever pays for the registry."
        case (.errorLoading, .registryUnresolved?): "Is the registry's name right, and does the drone's DNS know it?"
        case (.errorLoading, .registryUntrusted?): "Give the drone's Docker the registry's authority, in /etc/docker/certs.d."
        case (.errorLoading, .registryTimedOut?), (.errorLoading, .imagePullFailed?): "Does the drone reach the registry, by a proxy if it needs one?"
        case (.errorLoading, .registryFailed?): "Look at the registry, or try again later."
        case (.errorLoading, .diskFull?): "Free some space on the drone, for instance with docker image prune."
        case (.errorLoading, .engineUnavailable?): "Look at Docker on the drone; the image is not at fault. Then ask again."
        case (.errorLoading, .containerRefused?): "Do the image's user and command exist, is it executable, and can the limits be set?"
        case (.errorLoading, _): "Is the image's name right, may this drone read it (--registry-user), and does it reach the registry?"
        case (.timedOutBeforeReady, _): "Does it listen on all addresses, on the port it was spawned with (--port, $PORT)?"
        case (.errorStarting, _), (.failed, _): "All that it printed: plane logs \(backend)"
        case (.lost, _): "Is its drone running, and connected to NATS? plane list-drones"
        case (.loading, _), (.starting, _): "Watch it go on: plane status -f \(backend)"
        case (.ready, _), (.exited, _), (.swept, _), (.terminated, _): nil
        }
    }
}
