/// A version of the Engine API, such as 1.41.
package struct APIVersion: Hashable, Sendable {
    package var major: Int
    package var minor: Int

    /// Docker 19.03, the oldest version that is supported: device requests (GPUs) came with it.
    package static let oldest = APIVersion(major: 1, minor: 40)
    /// Docker 28.3, the newest version whose documentation this client was written for; a newer daemon is used by this version.
    package static let newest = APIVersion(major: 1, minor: 51)
    /// Docker 20.10. From this version on a sample of the statistics does not take a second (`one-shot`).
    static let oneShotStatistics = APIVersion(major: 1, minor: 41)

    package init(major: Int, minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// Parses a version such as `1.41`.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let major = Int(parts[0]), let minor = Int(parts[1]), major >= 0, minor >= 0 else { return nil }
        self.init(major: major, minor: minor)
    }

    /// The version to use with a daemon whose newest is `daemon`; nil if the daemon is too old.
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

/// The daemon's version, for the log and the drone's registration.
package struct EngineVersion: Decodable, Hashable, Sendable {
    /// The engine's version, such as `20.10.24`.
    package var engine: String
    /// The newest API version that the daemon supports, as text.
    package var api: String
    /// Such as `linux`.
    package var operatingSystem: String?
    /// The architecture in Go's names: `amd64`, `arm64`.
    package var architecture: String?

    private enum CodingKeys: String, CodingKey {
        case engine = "Version"
        case api = "ApiVersion"
        case operatingSystem = "Os"
        case architecture = "Arch"
    }
}
