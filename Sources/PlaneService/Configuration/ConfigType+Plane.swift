package import ConfigurationReading
package import PlaneProtocol

extension ConfigType where Value == Secret {
    package static let secret: ConfigType = {
        var type = ConfigType.text("a string", { $0.isEmpty ? nil : Secret($0) }, show: { _ in Secret("").description })
        type.isSecret = true
        type.elsewhere = .content
        return type
    }()

    /// The key of an external account. RFC 8555 §7.3.4 requires base64url (RFC 4648 §5), but some authorities show it in the standard alphabet (§4). Stored
    /// as base64url without padding.
    package static let base64: ConfigType = {
        var type = ConfigType.text(
            "base64 text (A–Z, a–z, 0–9, and - and _ or + and /)",
            { text in
                let digits = text.utf8.reversed().drop { $0 == UInt8(ascii: "=") }.reversed().map(Self.urlDigit)
                guard !digits.isEmpty, digits.count % 4 != 1, !digits.contains(nil) else { return nil }
                return Secret(String(decoding: digits.compactMap { $0 }, as: UTF8.self))
            }, show: { _ in Secret("").description })
        type.isSecret = true
        type.elsewhere = .content
        return type
    }()

    private static func urlDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "-"), UInt8(ascii: "_"):
            byte
        case UInt8(ascii: "+"): UInt8(ascii: "-")
        case UInt8(ascii: "/"): UInt8(ascii: "_")
        default: nil
        }
    }
}

extension ConfigType where Value == ClusterName {
    /// A colon has to be followed by a port; otherwise no host name and no URL could contain the name.
    package static let clusterName = ConfigType.text(
        "\(ClusterName.expectation) or localhost:8080", { ClusterName(rawValue: $0).flatMap { $0.isDomainWithPort ? $0 : nil } }, show: { $0.rawValue })
}

extension ConfigType where Value == DroneID {
    package static let droneID = ConfigType.text(DroneID.expectation, { DroneID(rawValue: $0) }, show: { $0.rawValue })
}

extension ClusterName {
    /// Why this is probably not the intended name; nil for a plausible one.
    package var concern: String? {
        let lowercased = self.rawValue.lowercased()
        if lowercased != self.rawValue { return "every request and every drone has to write it with the same capitals; call it \(lowercased)" }
        guard self.domain.contains("_") else { return nil }
        let dotted = self.domain.replacing("_", with: ".")
        return "no host name may have an underscore, and on NATS it is the same as \(dotted)"
    }
}
