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
