import ConfigurationReading
import NetworkAddresses

extension ConfigType where Value == IPv4Network {
    static let ipv4Network = ConfigType.text("an IPv4 address or network such as 10.0.0.0/8", { IPv4Network($0) }, show: { $0.description })
}

extension ConfigType where Value == [IPv4Network] {
    /// The configuration file may give an empty list.
    static let ipv4Networks = ConfigType(
        "a list of IPv4 addresses and networks such as 10.0.0.0/8",
        read: { value in
            guard let values = value.asArray else { return nil }
            let networks = values.compactMap { $0.asString.flatMap { IPv4Network($0) } }
            return networks.count == values.count ? networks : nil
        },
        show: { .array($0.map { .string($0.description) }) })
}
