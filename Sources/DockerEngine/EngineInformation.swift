/// What the daemon says about itself and its machine, in the detail that is used here. Values that an older daemon, or Podman, leaves out are empty.
package struct EngineInformation: Hashable, Sendable {
    /// The engine's version, such as `20.10.24`.
    package var engine: String
    /// The log driver of containers that name none.
    package var logDriver: String
    /// Names of the OCI runtimes that the daemon has.
    package var runtimes: Set<String>
    /// The runtime of containers that name none.
    package var standardRuntime: String
    /// The version of cgroups, `1` or `2`; empty before API 1.41.
    package var controlGroups: String
    /// The architecture in the kernel's names: `x86_64`, `aarch64`.
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

    /// Only the names of runtimes are used, so their contents are not read.
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
