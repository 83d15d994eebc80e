/// What `inspect` says about one container, in the detail that is used here. Values that an older daemon leaves out are empty.
package struct ContainerInspection: Hashable, Sendable {
    package var id: ContainerID
    /// The name without the slash that the API puts in front.
    package var name: String
    /// Of the image it was made from; empty where it is not told.
    package var imageID: String
    package var state: ContainerState
    package var labels: [String: String]
    /// Whether the output is one raw stream, as from a terminal, and not frames.
    package var hasTerminal: Bool
    /// The container whose network this one uses, and whose address it therefore has.
    package var networkOf: ContainerID?
    /// The address on Docker's default bridge, which API 1.52 no longer has; nil if there is none.
    var bridgeAddress: String?
    /// The address in each network, by the network's name. Empty unless the container runs.
    package var addresses: [String: String]
    /// The names of its networks, also of those where it has no address.
    package var networks: [String] = []

    /// The address of the container: on `network` if it is attached to that, otherwise on the default bridge, otherwise on the first of its networks by name.
    /// Nil if it has none, as while it does not run.
    package func address(on network: String? = nil) -> String? {
        if let network, let address = self.addresses[network] { return address }
        return self.bridgeAddress ?? self.addresses["bridge"] ?? self.addresses.min { $0.key < $1.key }?.value
    }
}

extension ContainerInspection: Decodable {
    private enum CodingKeys: String, CodingKey {
        case id = "Id"
        case name = "Name"
        case imageID = "Image"
        case state = "State"
        case configuration = "Config"
        case networkSettings = "NetworkSettings"
        case host = "HostConfig"
    }

    private struct Configuration: Decodable {
        enum CodingKeys: String, CodingKey {
            case labels = "Labels"
            case hasTerminal = "Tty"
        }

        var labels: [String: String]?
        var hasTerminal: Bool?
    }

    private struct NetworkSettings: Decodable {
        enum CodingKeys: String, CodingKey {
            case address = "IPAddress"
            case networks = "Networks"
        }

        var address: String?
        var networks: [String: Attachment?]?
    }

    private struct Attachment: Decodable {
        enum CodingKeys: String, CodingKey {
            case address = "IPAddress"
            case globalIPv6Address = "GlobalIPv6Address"
        }

        var address: String?
        var globalIPv6Address: String?
    }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        self.id = try fields.decode(ContainerID.self, forKey: .id)
        let name = try fields.decodeIfPresent(String.self, forKey: .name) ?? ""
        self.name = name.hasPrefix("/") ? String(name.dropFirst()) : name
        self.imageID = try fields.decodeIfPresent(String.self, forKey: .imageID) ?? ""
        self.state = try fields.decode(ContainerState.self, forKey: .state)
        let configuration = try fields.decodeIfPresent(Configuration.self, forKey: .configuration)
        self.labels = configuration?.labels ?? [:]
        self.hasTerminal = configuration?.hasTerminal ?? false
        self.networkOf = try fields.decodeIfPresent(HostNetwork.self, forKey: .host)?.container
        let settings = try fields.decodeIfPresent(NetworkSettings.self, forKey: .networkSettings)
        self.bridgeAddress = settings?.address.nonEmpty
        self.networks = (settings?.networks ?? [:]).keys.sorted()
        self.addresses = (settings?.networks ?? [:]).compactMapValues {
            $0?.address.nonEmpty ?? $0?.globalIPv6Address.nonEmpty
        }
    }
}

/// The part of a container's host configuration that says which network it uses.
struct HostNetwork: Decodable {
    private enum CodingKeys: String, CodingKey { case mode = "NetworkMode" }

    /// Precedes the id of another container in the mode.
    private static let prefix = "container:"

    /// The container whose network is used; nil for a network of its own.
    var container: ContainerID?

    init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        guard let mode = try fields.decodeIfPresent(String.self, forKey: .mode), mode.hasPrefix(Self.prefix) else { return }
        self.container = ContainerID(rawValue: String(mode.dropFirst(Self.prefix.count)))
    }
}

extension String? {
    /// Nil for an empty text, which is how Go writes "none".
    fileprivate var nonEmpty: String? { self.flatMap { $0.isEmpty ? nil : $0 } }
}
