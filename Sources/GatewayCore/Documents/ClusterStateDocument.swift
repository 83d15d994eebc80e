package import PlaneProtocol
package import PlaneState

/// The answer to `GET /ctrl/c/<C>/state`: the nodes of a cluster.
package struct ClusterStateDocument: Hashable, Sendable {
    package struct Drone: Hashable, Sendable {
        package var id: DroneID
        package var isReady: Bool
        package var isDraining: Bool
        /// Seconds since the drone was last heard of.
        package var lastSeenAge: Int64
        package var backends: Int
        package var version: String
        package var hash: String
    }

    package struct Proxy: Hashable, Sendable {
        package var id: ProxyID
        package var version: String

        package init(id: ProxyID, version: String) {
            self.id = id
            self.version = version
        }
    }

    package var drones: [Drone]
    package var proxies: [Proxy]
    /// The name of the gateway that answers, in place of Plane's controller.
    package var controller: String

    /// A node that was silent for longer counts as gone.
    package static let silenceLimit: Duration = .seconds(45)

    /// The answer for an unknown cluster.
    package init(controller: String) {
        self.drones = []
        self.proxies = []
        self.controller = controller
    }

    /// - Parameter proxies: the proxies heard of within the last 30 s.
    package init(of cluster: ClusterName, fleet: FleetState, proxies: [Proxy], controller: String, now: StateTime) {
        self.drones = fleet.drones(in: cluster).compactMap { drone in
            guard let metadata = drone.metadata, let seen = drone.lastSeen, drone.state != .stopped, drone.state != .lost else { return nil }
            let age = now.since(seen)
            guard age <= Self.silenceLimit else { return nil }
            return Drone(
                id: drone.id, isReady: drone.state == .ready, isDraining: drone.state == .draining || drone.state == .drained,
                lastSeenAge: max(age.components.seconds, 0), backends: drone.liveBackends, version: metadata.version, hash: metadata.gitHash ?? "")
        }.sorted { $0.id.rawValue < $1.id.rawValue }
        self.proxies = proxies.sorted { $0.id.rawValue < $1.id.rawValue }
        self.controller = controller
    }
}

extension ClusterStateDocument: JSONEncodable {
    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("drones", self.drones.map { DroneEntry(drone: $0, controller: self.controller) })
            $0.field(
                "proxies",
                self.proxies.map { NodeEntry(kind: "Proxy", name: $0.id.rawValue, version: $0.version, hash: "", controller: self.controller) })
        }
    }

    private struct DroneEntry: JSONEncodable {
        let drone: Drone
        let controller: String

        func write(to json: inout JSONWriter) {
            json.object {
                $0.field("ready", self.drone.isReady)
                $0.field("draining", self.drone.isDraining)
                $0.field("last_heartbeat_age", self.drone.lastSeenAge)
                $0.field("backend_count", self.drone.backends)
                $0.field(
                    "node",
                    NodeEntry(
                        kind: "Drone", name: self.drone.id.rawValue, version: self.drone.version, hash: self.drone.hash, controller: self.controller))
            }
        }
    }

    private struct NodeEntry: JSONEncodable {
        let kind: String
        let name: String
        let version: String
        let hash: String
        let controller: String

        func write(to json: inout JSONWriter) {
            json.object {
                $0.object("name") { $0.field(self.kind, self.name) }
                $0.field("plane_version", self.version)
                $0.field("plane_hash", self.hash)
                $0.field("controller", self.controller)
                $0.field("controller_heartbeat_age", 0)
            }
        }
    }
}
