/// A line that a backend has printed, published by its agent (M10). The stream `backend_logs` keeps the last 500 of each backend.
package struct BackendLogMessage: Hashable, Sendable {
    package enum Kind: String, JSONText, CaseIterable, Codable {
        case stdout = "Stdout"
        case stderr = "Stderr"
        /// A remark by the agent: why the backend ended, or the progress of a pull.
        case meta = "Meta"
    }

    package var backendID: BackendID
    package var kind: Kind
    /// One piece of Docker's log with its timestamp in front, normally with a line feed at its end.
    package var text: String

    package init(backendID: BackendID, kind: Kind, text: String) {
        self.backendID = backendID
        self.kind = kind
        self.text = text
    }
}

extension BackendLogMessage: PlaneMessage {
    package static let subscription = "backend.*.log"

    /// How much of a piece is read. Docker's have 16 KiB; a drone that was stolen may say more, and readers keep hundreds of them.
    static let mostBytes = 128 * 1024

    package var subject: String { Self.subject(backend: self.backendID) }

    package static func subject(backend: BackendID) -> String { "backend.\(backend).log" }

    /// The same on a subject that names the drone. The subject of 0.3.24 names only the backend, so that any drone can publish lines for any backend.
    package static let ownSubscription = "cluster.*.drone.*.backend.*.log"

    package func ownSubject(drone: DroneID, cluster: ClusterName) -> String {
        "cluster.\(cluster.subjectToken).drone.\(drone).backend.\(self.backendID).log"
    }

    /// Matches the lines of a backend that one drone publishes, in any cluster.
    /// - Parameter drone: nil matches all drones; the reader has to know then that each of them can publish for every backend.
    package static func ownSubscription(backend: BackendID, drone: DroneID?) -> String {
        "cluster.*.drone.\(drone?.rawValue ?? "*").backend.\(backend).log"
    }

    package init(json: JSONNode) throws(MessageError) {
        self.backendID = try json.required("backend_id")
        self.kind = try json.required("kind")
        self.text = (try json.required("text") as String).prefix(bytes: Self.mostBytes)
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("backend_id", self.backendID)
            $0.field("kind", self.kind)
            $0.field("text", self.text)
        }
    }
}
