import FoundationEssentials
import NIOCore

/// What an image on this machine is, and how it wants to be run, as far as we use it.
package struct ImageInspection: Hashable, Sendable {
    /// `sha256:…`, which no other image has.
    package var id: String
    /// `NAME=value` each, in the image's order.
    package var environment: [String]
    package var entrypoint: [String]
    package var command: [String]
    /// Whether the engine runs a program in its containers from time to time, to see how they are.
    package var hasHealthCheck: Bool

    package init(id: String, environment: [String], entrypoint: [String], command: [String], hasHealthCheck: Bool) {
        self.id = id
        self.environment = environment
        self.entrypoint = entrypoint
        self.command = command
        self.hasHealthCheck = hasHealthCheck
    }
}

extension ImageInspection: Decodable {
    private enum CodingKeys: String, CodingKey {
        case id = "Id"
        case configuration = "Config"
    }

    private struct Configuration: Decodable {
        enum CodingKeys: String, CodingKey {
            case environment = "Env"
            case entrypoint = "Entrypoint"
            case command = "Cmd"
            case health = "Healthcheck"
        }

        var environment: [String]?
        var entrypoint: [String]?
        var command: [String]?
        var health: HealthCheck?
    }

    private struct HealthCheck: Decodable {
        enum CodingKeys: String, CodingKey { case test = "Test" }

        var test: [String]?
    }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        self.id = try fields.decode(String.self, forKey: .id)
        let configuration = try fields.decodeIfPresent(Configuration.self, forKey: .configuration)
        self.environment = configuration?.environment ?? []
        self.entrypoint = configuration?.entrypoint ?? []
        self.command = configuration?.command ?? []
        // `["NONE"]` switches off what a base image had.
        self.hasHealthCheck = configuration?.health?.test.map { !$0.isEmpty && $0 != ["NONE"] } ?? false
    }
}

extension DockerClient {
    /// Bytes of what there is to say of one image; its labels are its maker's.
    private static let imageLimit = 8 * 1024 * 1024

    /// - Throws: `noSuchImage` when it is not on this machine.
    package func inspectImage(_ image: ImageReference) async throws(EngineError) -> ImageInspection {
        let request = EngineRequest(path: "/images/\(image)/json", subject: .image, attempt: "inspect image \(image)")
        return try await self.decode(ImageInspection.self, from: request, upTo: Self.imageLimit)
    }
}
