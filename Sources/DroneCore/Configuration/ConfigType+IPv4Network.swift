import ConfigurationReading
import NetworkAddresses

extension ConfigType where Value == IPv4Network {
    static let ipv4Network = ConfigType.text("an IPv4 address or network such as 10.0.0.0/8", { IPv4Network($0) }, show: { $0.description })
}

extension ConfigType where Value == [IPv4Network] {
    /// The configuration file may give an empty list.
    static let ipv4Networks = ConfigType.list(of: .ipv4Network, "a list of IPv4 addresses and networks such as 10.0.0.0/8", mayBeEmpty: true)
}
