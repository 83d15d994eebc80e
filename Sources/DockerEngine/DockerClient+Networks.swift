import FoundationEssentials
import NIOCore
import NIOHTTP1
import TextEncodings

/// A network of containers on a bridge of this machine.
package struct BridgeNetwork: Hashable, Sendable {
    /// Docker's own name for it; nil before it is made.
    package var id: String?
    package var name: String
    /// The name of the bridge's interface; nil lets Docker choose one, or means that it did.
    package var bridge: String?
    /// Whether its containers can reach one another (`com.docker.network.bridge.enable_icc`).
    package var connectsContainers: Bool

    package init(id: String? = nil, name: String, bridge: String?, connectsContainers: Bool) {
        self.id = id
        self.name = name
        self.bridge = bridge
        self.connectsContainers = connectsContainers
    }

    static let bridgeOption = "com.docker.network.bridge.name"
    static let connectionOption = "com.docker.network.bridge.enable_icc"
}

extension DockerClient {
    /// The networks with that name that have a bridge. Docker lets there be several where they were made at the same time.
    package func networks(named name: String) async throws(EngineError) -> [BridgeNetwork] {
        struct Reply: Decodable {
            enum CodingKeys: String, CodingKey {
                case id = "Id"
                case name = "Name"
                case driver = "Driver"
                case options = "Options"
            }
            var id: String
            var name: String
            var driver: String
            var options: [String: String]?
        }
        let request = EngineRequest(
            path: "/networks", query: [("filters", EngineFilter.encode(["name": [name]]))], subject: .daemon, attempt: "look for network \(name)")
        // The filter matches every name that contains this one.
        return try await self.decode([Reply].self, from: request).filter { $0.name == name && $0.driver == "bridge" }.map { reply in
            let options = reply.options ?? [:]
            return BridgeNetwork(
                id: reply.id, name: name, bridge: options[BridgeNetwork.bridgeOption],
                connectsContainers: options[BridgeNetwork.connectionOption] != "false")
        }
    }

    /// The address that the network has for a container that runs; nil if there is none. Docker has been seen to leave the address out of what it says of the
    /// container.
    package func address(of container: ContainerID, in network: String) async throws(EngineError) -> String? {
        struct Reply: Decodable {
            enum CodingKeys: String, CodingKey { case attachments = "Containers" }
            var attachments: [String: Attachment]?
        }
        struct Attachment: Decodable {
            enum CodingKeys: String, CodingKey {
                case v4 = "IPv4Address"
                case v6 = "IPv6Address"
            }
            var v4: String?
            var v6: String?
        }
        let request = EngineRequest(
            path: "/networks/\(PercentEncoding.encode(network))", subject: .daemon, attempt: "look for containers in network \(network)")
        let attachment = try await self.decode(Reply.self, from: request).attachments?[container.rawValue]
        // Each is written with the length of its network's prefix.
        return [attachment?.v4, attachment?.v6].lazy.compactMap { $0?.prefix { $0 != "/" } }.first { !$0.isEmpty }.map(String.init)
    }

    /// Makes a network without IPv6.
    /// - Returns: its id.
    /// - Throws: among others if a network with that name, or with that bridge, exists.
    package func createNetwork(_ network: BridgeNetwork, labels: [String: String] = [:]) async throws(EngineError) -> String {
        struct Reply: Decodable {
            enum CodingKeys: String, CodingKey { case id = "Id" }
            var id: String
        }
        struct Body: Encodable {
            enum CodingKeys: String, CodingKey {
                case name = "Name"
                case refusesDuplicate = "CheckDuplicate"
                case driver = "Driver"
                case hasIPv6 = "EnableIPv6"
                case options = "Options"
                case labels = "Labels"
            }
            var name: String
            var refusesDuplicate = true
            var driver = "bridge"
            var hasIPv6 = false
            var options: [String: String]
            var labels: [String: String]
        }
        let attempt = "make network \(network.name)"
        var options = [BridgeNetwork.connectionOption: String(network.connectsContainers)]
        if let bridge = network.bridge { options[BridgeNetwork.bridgeOption] = bridge }
        let body: ByteBuffer
        do {
            body = ByteBuffer(bytes: try JSONEncoder().encode(Body(name: network.name, options: options, labels: labels)))
        } catch {
            throw EngineError(.badRequest, attempt: attempt, cause: error)
        }
        let request = EngineRequest(method: .POST, path: "/networks/create", body: body, subject: .daemon, attempt: attempt, limit: .start)
        return try await self.decode(Reply.self, from: request).id
    }

    package func removeNetwork(_ id: String) async throws(EngineError) {
        try await self.perform(
            EngineRequest(method: .DELETE, path: "/networks/\(PercentEncoding.encode(id))", subject: .daemon, attempt: "remove network \(id)"))
    }
}
