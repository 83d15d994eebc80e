import PlaneClient
import PlaneProtocol

/// What `plane spawn` has to say, for people and for programs.
struct SpawnReport: JSONEncodable, Equatable {
    var cluster: ClusterName
    var backend: ScheduledBackend
    /// Of the drone's proxy, as far as it has told.
    var endpoint = PublicEndpoint()
    /// nil if nobody waited for it.
    var state: BackendState?
    var phases: SpawnPhases?
    /// From sending the request to the state.
    var elapsed: Duration

    var url: String { self.endpoint.url(of: self.backend.backendID, in: self.cluster) }

    /// Keys stay; new ones may come.
    func write(to json: inout JSONWriter) {
        json.object {
            $0.field("cluster", self.cluster)
            $0.field("backend_id", self.backend.backendID)
            $0.field("drone", self.backend.drone)
            $0.field("url", self.url)
            $0.field("spawned", self.backend.spawned)
            $0.fieldIfPresent("bearer_token", self.backend.bearerToken)
            $0.fieldIfPresent("state", self.state)
            $0.fieldIfPresent("phases", self.phases)
            $0.field("elapsed_ms", self.elapsed.milliseconds)
        }
    }

    /// The part that is known as soon as the backend is placed.
    var placementLines: [String] {
        var lines = [
            self.backend.spawned ? "Backend scheduled." : "A backend already held the desired lock.",
            "URL: \(self.url)", "Drone: \(self.backend.drone)", "Backend ID: \(self.backend.backendID)",
        ]
        // The one secret that is shown, because it is what was asked for.
        if let token = self.backend.bearerToken { lines.append("Bearer token: \(token.exposed)") }
        return lines
    }

    /// `Ready after 231 ms (accepted 2 ms · created 6 ms · started 204 ms · ready 1 ms)`; a backend that was there already
    /// has a history of its own, so its phases are not told.
    var readyLine: String {
        guard self.backend.spawned else { return "Ready." }
        let phases = self.phases.map(\.brief) ?? ""
        return "Ready after \(self.elapsed.brief)" + (phases.isEmpty ? "." : " (\(phases))")
    }
}
