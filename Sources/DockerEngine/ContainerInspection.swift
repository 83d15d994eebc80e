/// What `inspect` tells of one container, as far as we use it. What an old container's daemon leaves out is empty here.
package struct ContainerInspection: Hashable, Sendable {
    package var id: ContainerID
    /// Without the slash the API puts in front.
    package var name: String
    /// Of the image it was made from; empty where it is not told.
    package var imageID: String
    package var state: ContainerState
    package var labels: [String: String]
    /// Whether its output is one raw stream (a terminal) instead of frames.
    package var hasTerminal: Bool
    /// The container whose network it uses as its own; its address is that one's.
    package var networkOf: ContainerID?
    /// The address on Docker's default bridge, gone from API 1.52 on; nil when there is none.
    var bridgeAddress: String?
    /// Address by network name, for the networks it has one on. Empty unless it runs.
    package var addresses: [String: String]

    /// Where to reach it: on `network` if it is attached to that, otherwise on the default bridge, otherwise on the
    /// first of its networks by name. nil when it has no address, as while it does not run.
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
        self.addresses = (settings?.networks ?? [:]).compactMapValues {
            $0?.address.nonEmpty ?? $0?.globalIPv6Address.nonEmpty
        }
    }
}

/// Of a container's host configuration, which network it has.
struct HostNetwork: Decodable {
    private enum CodingKeys: String, CodingKey { case mode = "NetworkMode" }

    /// Before the id of another container in the mode.
    private static let prefix = "container:"

    /// The one whose network it is; nil for a network of its own.
    var container: ContainerID?

    init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        guard let mode = try fields.decodeIfPresent(String.self, forKey: .mode), mode.hasPrefix(Self.prefix) else { return }
        self.container = ContainerID(rawValue: String(mode.dropFirst(Self.prefix.count)))
    }
}

extension String? {
    /// nil for the empty text with which Go writes "none".
    fileprivate var nonEmpty: String? { self.flatMap { $0.isEmpty ? nil : $0 } }
}
