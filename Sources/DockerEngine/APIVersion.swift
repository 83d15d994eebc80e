/// A version of the Engine API, such as 1.41.
package struct APIVersion: Hashable, Sendable {
    package var major: Int
    package var minor: Int

    /// Docker 19.03. The oldest we speak: device requests (GPUs) came with it.
    package static let oldest = APIVersion(major: 1, minor: 40)
    /// Docker 28.3. The newest whose replies we have read the documentation of; a newer daemon is spoken to in this one.
    package static let newest = APIVersion(major: 1, minor: 51)
    /// Docker 20.10. From here on one sample of the statistics takes no second to gather (`one-shot`).
    static let oneShotStatistics = APIVersion(major: 1, minor: 41)

    package init(major: Int, minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// Reads `1.41`.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let major = Int(parts[0]), let minor = Int(parts[1]), major >= 0, minor >= 0 else { return nil }
        self.init(major: major, minor: minor)
    }

    /// The version to speak with a daemon whose newest is `daemon`; nil when it is older than all we know.
    static func negotiated(with daemon: APIVersion) -> APIVersion? {
        daemon < .oldest ? nil : min(daemon, .newest)
    }
}

extension APIVersion: Comparable {
    package static func < (left: APIVersion, right: APIVersion) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }
}

extension APIVersion: CustomStringConvertible {
    package var description: String { "\(self.major).\(self.minor)" }
}

/// Who the daemon is, for the log and the drone's registration.
package struct EngineVersion: Decodable, Hashable, Sendable {
    /// `20.10.24`
    package var engine: String
    /// Newest API version it speaks, as text.
    package var api: String
    /// `linux`
    package var operatingSystem: String?
    /// Go's name of it: `amd64`, `arm64`.
    package var architecture: String?

    private enum CodingKeys: String, CodingKey {
        case engine = "Version"
        case api = "ApiVersion"
        case operatingSystem = "Os"
        case architecture = "Arch"
    }
}
