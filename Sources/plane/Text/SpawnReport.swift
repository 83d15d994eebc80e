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

    /// Opens the backend in a browser, which keeps the token as a cookie; nil where nobody is asked for one.
    var linkWithToken: String? {
        self.backend.bearerToken.map { "\(self.url)_plane_auth?token=\($0.exposed.percentEncoded)" }
    }

    /// Keys stay; new ones may come.
    func write(to json: inout JSONWriter) {
        json.object {
            $0.field("cluster", self.cluster)
            $0.field("backend_id", self.backend.backendID)
            $0.field("drone", self.backend.drone)
            $0.field("url", self.url)
            $0.field("spawned", self.backend.spawned)
            $0.fieldIfPresent("bearer_token", self.backend.bearerToken)
            $0.fieldIfPresent("url_with_token", self.linkWithToken)
            $0.fieldIfPresent("ready_in_ms", self.backend.readyInMilliseconds)
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
        if let link = self.linkWithToken { lines.append("Link for a browser: \(link)") }
        if let estimate = self.backend.readyInMilliseconds { lines.append("Usually ready after \(Duration.milliseconds(Int64(estimate)).brief).") }
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

/// Why there is no backend, for programs. What is not known is null.
struct SpawnFailure: JSONEncodable {
    var cluster: ClusterName
    /// As it was asked for: it may have been started although nobody said so.
    var backend: BackendID?
    var drone: DroneID?
    var failure: CommandFailure
    var state: BackendState?
    var detail: BackendStatusDetail?

    func write(to json: inout JSONWriter) {
        json.object {
            $0.field("cluster", self.cluster)
            $0.field("backend_id", self.backend)
            $0.field("drone", self.drone)
            $0.field("state", self.state)
            $0.field("cause", self.detail?.cause)
            $0.field("exit_code", self.detail?.exitCode)
            $0.field("error", self.failure.message)
            $0.field("advice", self.failure.advice)
            $0.field("exit_status", Int64(self.failure.status.rawValue))
        }
    }
}

extension String {
    /// As a value in a query: all but the unreserved characters of RFC 3986 §2.3 as percent and two digits.
    fileprivate var percentEncoded: String {
        var text = ""
        for byte in self.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
                text.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                text += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return text
    }
}
