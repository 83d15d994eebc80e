/// What the daemon tells of itself and its machine, as far as we use it. What an older one, or Podman, leaves out is empty here.
package struct EngineInformation: Hashable, Sendable {
    /// `20.10.24`
    package var engine: String
    /// What becomes of output where a container says nothing of it.
    package var logDriver: String
    /// Names of the OCI runtimes it knows.
    package var runtimes: Set<String>
    /// The runtime of containers that name none.
    package var standardRuntime: String
    /// `1` or `2`; empty before API 1.41.
    package var controlGroups: String
    /// The kernel's name of it: `x86_64`, `aarch64`.
    package var architecture: String
    /// Where it keeps images and containers, on its own machine.
    package var dataRoot: String
}

extension EngineInformation: Decodable {
    private enum CodingKeys: String, CodingKey {
        case engine = "ServerVersion"
        case logDriver = "LoggingDriver"
        case runtimes = "Runtimes"
        case standardRuntime = "DefaultRuntime"
        case controlGroups = "CgroupVersion"
        case architecture = "Architecture"
        case dataRoot = "DockerRootDir"
    }

    /// Of a runtime only the name counts, whatever else is said of it.
    private struct Runtime: Decodable {
        init(from decoder: any Decoder) {}
    }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        self.engine = try fields.decodeIfPresent(String.self, forKey: .engine) ?? ""
        self.logDriver = try fields.decodeIfPresent(String.self, forKey: .logDriver) ?? ""
        self.runtimes = Set((try fields.decodeIfPresent([String: Runtime].self, forKey: .runtimes) ?? [:]).keys)
        self.standardRuntime = try fields.decodeIfPresent(String.self, forKey: .standardRuntime) ?? ""
        self.controlGroups = try fields.decodeIfPresent(String.self, forKey: .controlGroups) ?? ""
        self.architecture = try fields.decodeIfPresent(String.self, forKey: .architecture) ?? ""
        self.dataRoot = try fields.decodeIfPresent(String.self, forKey: .dataRoot) ?? ""
    }
}

extension DockerClient {
    package func information() async throws(EngineError) -> EngineInformation {
        let request = EngineRequest(path: "/info", subject: .daemon, attempt: "ask the daemon about itself")
        return try await self.decode(EngineInformation.self, from: request)
    }
}
