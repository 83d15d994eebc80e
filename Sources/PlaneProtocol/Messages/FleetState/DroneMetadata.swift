package import NetworkAddresses

/// What a drone said about itself when it registered.
package struct DroneMetadata: Hashable, Sendable {
    /// The address at which visitors reach the drone's proxy; DNS answers it for the drone's backends.
    package var ip: IPAddress
    package var version: String
    package var gitHash: String?
    package var endpoint: PublicEndpoint
    package var abilities: DroneAbilities

    package init(
        ip: IPAddress, version: String, gitHash: String? = nil, endpoint: PublicEndpoint = PublicEndpoint(),
        abilities: DroneAbilities = DroneAbilities()
    ) {
        self.ip = ip
        self.version = version
        self.gitHash = gitHash
        self.endpoint = endpoint
        self.abilities = abilities
    }

    package init(_ request: DroneConnectRequest) {
        self.init(
            ip: request.ip, version: request.version ?? DroneConnectRequest.missingVersion, gitHash: request.gitHash,
            endpoint: request.endpoint, abilities: request.abilities)
    }
}

extension DroneMetadata: JSONCodable {
    package init(json: JSONNode) throws(MessageError) {
        self.ip = try json.required("ip")
        self.version = try json.required("version")
        self.gitHash = try json.optional("git_hash")
        self.endpoint = try PublicEndpoint(in: json)
        self.abilities = try DroneAbilities(in: json)
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("ip", self.ip)
            $0.field("version", self.version)
            $0.field("git_hash", self.gitHash)
            self.endpoint.write(to: &$0)
            self.abilities.write(to: &$0)
        }
    }
}
