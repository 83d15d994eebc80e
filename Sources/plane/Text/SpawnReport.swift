import PlaneClient
import PlaneProtocol

/// The result of `plane spawn`, for people and for programs.
struct SpawnReport: JSONEncodable, Equatable {
    var cluster: ClusterName
    var backend: ScheduledBackend
    /// The endpoint of the drone's proxy, if the drone has reported it.
    var endpoint = PublicEndpoint()
    /// Nil if the command did not wait for the backend.
    var state: BackendState?
    var phases: SpawnPhases?
    /// From sending the request to reaching the state.
    var elapsed: Duration

    var url: String { self.endpoint.url(of: self.backend.backendID, in: self.cluster) }

    /// A link that opens the backend in a browser, which keeps the token as a cookie; nil if no token is needed.
    var linkWithToken: String? {
        self.backend.bearerToken.map { "\(self.url)_plane_auth?token=\($0.exposed.percentEncoded)" }
    }

    /// These keys never change; new ones may be added.
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

    /// The lines that are known as soon as the backend is placed.
    var placementLines: [String] {
        var lines = [
            self.backend.spawned ? "Backend scheduled." : "A backend already held the desired lock.",
            "URL: \(self.url)", "Drone: \(self.backend.drone)", "Backend ID: \(self.backend.backendID)",
        ]
        // The token is the only secret that is shown, because it was asked for.
        if let token = self.backend.bearerToken { lines.append("Bearer token: \(token.exposed)") }
        if let link = self.linkWithToken { lines.append("Link for a browser: \(link)") }
        if let estimate = self.backend.readyInMilliseconds { lines.append("Usually ready after \(Duration.milliseconds(Int64(estimate)).brief).") }
        return lines
    }

    /// The same in lines of the terminal's width.
    func readyLines(_ console: Console) -> [String] { self.readyLine.wrapped(to: console.width) }

    /// `Ready after 231 ms (accepted 2 ms · created 6 ms · started 204 ms · ready 1 ms)`. The phases of a backend that existed before are not shown.
    var readyLine: String {
        guard self.backend.spawned else { return "Ready." }
        let phases = self.phases.map(\.brief) ?? ""
        return "Ready after \(self.elapsed.brief)" + (phases.isEmpty ? "." : " (\(phases))")
    }
}

/// Why there is no backend, for programs. Unknown values are null.
struct SpawnFailure: JSONEncodable {
    var cluster: ClusterName
    /// The requested id: the backend may have been started although there was no answer.
    var backend: BackendID?
    var drone: DroneID?
    var failure: CommandError
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
    /// The text as a value in a query: everything but the unreserved characters of RFC 3986 §2.3 as percent and two digits.
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
