package import NetworkAddresses

/// Registers a drone; sent by its agent to the schedulers (M6). Answered `true` when the drone's metadata are stored.
package struct DroneConnectRequest: Hashable, Sendable {
    package var droneID: DroneID
    /// Version of the agent; old agents do not send it.
    package var version: String?
    package var gitHash: String?
    package var cluster: ClusterName
    /// The address at which visitors reach the drone's proxy.
    package var ip: IPAddress
    package var endpoint: PublicEndpoint
    package var abilities: DroneAbilities

    package init(
        droneID: DroneID, version: String?, gitHash: String? = nil, cluster: ClusterName, ip: IPAddress,
        endpoint: PublicEndpoint = PublicEndpoint(), abilities: DroneAbilities = DroneAbilities()
    ) {
        self.droneID = droneID
        self.version = version
        self.gitHash = gitHash
        self.cluster = cluster
        self.ip = ip
        self.endpoint = endpoint
        self.abilities = abilities
    }

    /// The longest version and git hash in bytes, because schedulers store both.
    package static let maximumBytes = 255

    /// Stored for a drone that sends no version.
    package static let missingVersion = "missing_drone_version"
}

extension DroneConnectRequest: PlaneRequest {
    package typealias Reply = Bool

    package static let subscription = "cluster.*.drone.register"

    package var subject: String { "cluster.\(self.cluster.subjectToken).drone.register" }

    package init(json: JSONNode) throws(MessageError) {
        self.droneID = try json.required("drone_id")
        self.version = try json.optional("version", atMost: Self.maximumBytes)
        self.gitHash = try json.optional("git_hash", atMost: Self.maximumBytes)
        self.cluster = try json.required("cluster")
        self.ip = try json.required("ip")
        self.endpoint = try PublicEndpoint(in: json)
        self.abilities = try DroneAbilities(in: json)
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("drone_id", self.droneID)
            $0.field("version", self.version)
            $0.field("git_hash", self.gitHash)
            $0.field("cluster", self.cluster)
            $0.field("ip", self.ip)
            self.endpoint.write(to: &$0)
            self.abilities.write(to: &$0)
        }
    }
}
