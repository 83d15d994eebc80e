package import UTCTime

/// One container in the list of containers.
package struct ContainerSummary: Hashable, Sendable {
    package var id: ContainerID
    /// The names without the slash that the API puts in front; more than one if there are old-style links.
    package var names: [String]
    package var labels: [String: String]
    package var status: ContainerStatus
    package var createdAt: UTCInstant
    /// The container whose network it uses.
    package var networkOf: ContainerID?
}

extension ContainerSummary: Decodable {
    private enum CodingKeys: String, CodingKey {
        case id = "Id"
        case names = "Names"
        case labels = "Labels"
        case status = "State"
        case createdAt = "Created"
        case host = "HostConfig"
    }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        self.id = try fields.decode(ContainerID.self, forKey: .id)
        self.names = (try fields.decodeIfPresent([String].self, forKey: .names) ?? []).map {
            $0.hasPrefix("/") ? String($0.dropFirst()) : $0
        }
        self.labels = try fields.decodeIfPresent([String: String].self, forKey: .labels) ?? [:]
        self.status = ContainerStatus(try fields.decodeIfPresent(String.self, forKey: .status) ?? "")
        self.createdAt = UTCInstant(seconds: try fields.decodeIfPresent(Int64.self, forKey: .createdAt) ?? 0)
        self.networkOf = try fields.decodeIfPresent(HostNetwork.self, forKey: .host)?.container
    }
}
