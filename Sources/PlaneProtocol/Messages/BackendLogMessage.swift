/// A line that a backend printed: from its agent to anybody (M10). The stream `backend_logs` keeps the last 500 of each backend.
package struct BackendLogMessage: Hashable, Sendable {
    package enum Kind: String, JSONText, CaseIterable, Codable {
        case stdout = "Stdout"
        case stderr = "Stderr"
        /// Written by the agent: why the backend ended, how far a pull is.
        case meta = "Meta"
    }

    package var backendID: BackendID
    package var kind: Kind
    /// One chunk of Docker's log with its timestamp in front, normally ended by a line feed.
    package var text: String

    package init(backendID: BackendID, kind: Kind, text: String) {
        self.backendID = backendID
        self.kind = kind
        self.text = text
    }
}

extension BackendLogMessage: PlaneMessage {
    package static let subscription = "backend.*.log"

    package var subject: String { Self.subject(backend: self.backendID) }

    package static func subject(backend: BackendID) -> String { "backend.\(backend).log" }

    /// Ours: the same on a subject that names the drone. The reference's names the backend only, so that any drone can print for any backend.
    package static let ownSubscription = "cluster.*.drone.*.backend.*.log"

    package func ownSubject(drone: DroneID, cluster: ClusterName) -> String {
        "cluster.\(cluster.subjectToken).drone.\(drone).backend.\(self.backendID).log"
    }

    /// Matches what one drone says a backend has printed, whatever its cluster.
    /// - Parameter drone: any of them if nil; then whoever reads has to know that each may speak for all.
    package static func ownSubscription(backend: BackendID, drone: DroneID?) -> String {
        "cluster.*.drone.\(drone?.rawValue ?? "*").backend.\(backend).log"
    }

    package init(json: JSONNode) throws(MessageError) {
        self.backendID = try json.required("backend_id")
        self.kind = try json.required("kind")
        self.text = try json.required("text")
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("backend_id", self.backendID)
            $0.field("kind", self.kind)
            $0.field("text", self.text)
        }
    }
}
