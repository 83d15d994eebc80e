/// A change of one drone: its metadata, its state, or that it was heard.
package struct DroneMessage: Hashable, Sendable {
    package enum Change: Hashable, Sendable {
        case metadata(DroneMetadata)
        /// The time is by the clock of the scheduler that wrote it.
        case state(DroneState, at: StateTime)
        /// The drone was heard at this time, by the clock of the scheduler that wrote it.
        case keepAlive(at: StateTime)
    }

    package var drone: DroneID
    package var change: Change

    package init(drone: DroneID, change: Change) {
        self.drone = drone
        self.change = change
    }
}

extension DroneMessage: JSONCodable {
    package init(json: JSONNode) throws(MessageError) {
        self.drone = try json.required("drone")
        if let metadata = try json.optional("Metadata", as: DroneMetadata.self) {
            self.change = .metadata(metadata)
        } else if let state = try json.optional("State", as: Timestamped<DroneState>.self) {
            self.change = .state(state.value, at: state.timestamp)
        } else if let moment = try json.optional("KeepAlive", as: Moment.self) {
            self.change = .keepAlive(at: moment.timestamp)
        } else {
            throw MessageError(expected: "one of Metadata, State, KeepAlive", found: "none of them")
        }
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("drone", self.drone)
            switch self.change {
            case .metadata(let metadata):
                $0.field("Metadata", metadata)
            case .state(let state, let time):
                $0.object("State") {
                    $0.field("timestamp", time)
                    $0.field("state", state)
                }
            case .keepAlive(let time):
                $0.object("KeepAlive") { $0.field("timestamp", time) }
            }
        }
    }

    /// The subject on which `plane_state` holds the newest metadata of a drone.
    package static func metadataSubject(of drone: DroneID, in cluster: ClusterName) -> String {
        "state.cluster.\(cluster.subjectToken).\(Self.metadataTail(of: drone))"
    }

    private static func metadataTail(of drone: DroneID) -> String { "drone.\(drone).meta" }

    var subjectTail: String {
        switch self.change {
        case .metadata: Self.metadataTail(of: self.drone)
        case .state(let state, _): "drone.\(self.drone).status.\(state)"
        case .keepAlive: "drone.\(self.drone).keep_alive"
        }
    }

    private struct Moment: JSONDecodable {
        let timestamp: StateTime

        init(json: JSONNode) throws(MessageError) {
            self.timestamp = try json.required("timestamp")
        }
    }
}
