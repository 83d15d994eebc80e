import ConfigurationReading
import PlaneProtocol

extension ConfigType where Value == PoolName {
    static let pool = ConfigType.text(PoolName.expectation, { PoolName(rawValue: $0) }, show: { $0.rawValue })
}

extension ConfigType where Value == String {
    /// Docker's bind syntax separates with colons, and a relative path would depend on the directory in which the agent is started.
    static let mountBase = ConfigType.text(
        "an absolute path without a colon, and not /",
        { text in
            let isUsable = text.hasPrefix("/") && !text.utf8.contains(UInt8(ascii: ":")) && !text.utf8.contains(0)
            return isUsable && !text.allSatisfy { $0 == "/" } ? text : nil
        }, show: { $0 })
}

extension ConfigType where Value == [String] {
    /// Names of Docker networks. Requests may never choose the machine's own, none at all, or another container's.
    static let allowedNetworks = ConfigType.list(
        of: .text(
            "the name of a Docker network",
            { name in name.isEmpty || name == "host" || name == "none" || name.hasPrefix("container:") ? nil : name }, show: { $0 }),
        "a list of names of Docker networks other than host, none and container:…", mayBeEmpty: true)
}
