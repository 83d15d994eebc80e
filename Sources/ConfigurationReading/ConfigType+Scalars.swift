package import NetworkAddresses

extension ConfigType where Value == String {
    package static let string = ConfigType.text("a string", { $0.isEmpty ? nil : $0 }, show: { $0 })
    /// A path relative to the directory in which the service is started.
    package static let path = ConfigType.text("a path", { $0.isEmpty ? nil : $0 }, show: { $0 })

    /// A text that may also be stored in a file, as beside a secret that belongs to it, so that services with the same configuration have different ones.
    package static let elsewhereString: ConfigType = {
        var type = ConfigType.string
        type.elsewhere = .content
        return type
    }()

    /// The path of a file that is only read, so that a credential of systemd may be given instead.
    package static let readPath: ConfigType = {
        var type = ConfigType.path
        type.elsewhere = .path
        return type
    }()

    package static let email = ConfigType.text(
        "an e-mail address",
        { text in
            let parts = text.split(separator: "@", omittingEmptySubsequences: false)
            return parts.count == 2 && parts.allSatisfy({ !$0.isEmpty && !$0.contains(" ") }) ? text : nil
        }, show: { $0 })

    package static let httpURL = ConfigType.text(
        "an http:// or https:// address",
        { text in
            let rest = text.hasPrefix("http://") ? text.dropFirst(7) : text.hasPrefix("https://") ? text.dropFirst(8) : ""
            return rest.isEmpty || rest.hasPrefix("/") || rest.contains(" ") ? nil : text
        }, show: { $0 })
}

extension ConfigType where Value == Bool {
    package static let boolean = ConfigType("true or false", read: { $0.asBoolean }, show: { .boolean($0) })
}

extension ConfigType where Value == UInt16 {
    /// A port; 0 lets the kernel choose, which only tests need.
    package static let port = ConfigType(
        "a port from 0 to 65535", read: { $0.asInteger.flatMap { UInt16(exactly: $0) } }, show: { .integer(Int64($0)) })
}

extension ConfigType where Value == UInt16 {
    /// A port that others are told.
    package static let publicPort = ConfigType(
        "a port from 1 to 65535", read: { $0.asInteger.flatMap { UInt16(exactly: $0) }.flatMap { $0 == 0 ? nil : $0 } },
        show: { .integer(Int64($0)) })
}

extension ConfigType where Value == UInt32 {
    package static let count = ConfigType(
        "a number from 0 to \(UInt32.max)", read: { $0.asInteger.flatMap { UInt32(exactly: $0) } }, show: { .integer(Int64($0)) })

    package static func number(_ range: ClosedRange<UInt32>) -> ConfigType {
        ConfigType(
            "a number from \(range.lowerBound) to \(range.upperBound)",
            read: { $0.asInteger.flatMap { UInt32(exactly: $0) }.flatMap { range.contains($0) ? $0 : nil } }, show: { .integer(Int64($0)) })
    }
}

extension ConfigType where Value == Int {
    package static func integer(_ range: ClosedRange<Int>) -> ConfigType {
        ConfigType(
            "a number from \(range.lowerBound) to \(range.upperBound)",
            read: { $0.asInteger.flatMap { Int(exactly: $0) }.flatMap { range.contains($0) ? $0 : nil } }, show: { .integer(Int64($0)) })
    }
}

extension ConfigType where Value == Duration {
    package static func seconds(_ range: ClosedRange<Int64>) -> ConfigType {
        ConfigType(
            "seconds from \(range.lowerBound) to \(range.upperBound)",
            read: { $0.asInteger.flatMap { range.contains($0) ? .seconds($0) : nil } }, show: { .integer($0.components.seconds) })
    }
}

extension ConfigType where Value == [String: String] {
    package static let stringTable = ConfigType.table(of: .text("a string", { $0 }, show: { $0 }), "a table of strings")
}

extension ConfigType where Value == IPAddress {
    package static let ipAddress = ConfigType.text("an IPv4 or IPv6 address", { IPAddress($0) }, show: { $0.description })
}

extension ConfigType where Value == SocketEndpoint {
    package static let endpoint = ConfigType.text(
        "an address with a port such as 127.0.0.1:8080 or [::1]:8080", { SocketEndpoint($0) }, show: { $0.description })
}
