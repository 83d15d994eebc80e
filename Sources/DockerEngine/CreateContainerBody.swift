/// The body of `POST /containers/create`, with the keys that are used here. Keys are spelled as in the API.
struct CreateContainerBody: Encodable {
    enum CodingKeys: String, CodingKey {
        case image = "Image"
        case entrypoint = "Entrypoint"
        case command = "Cmd"
        case workingDirectory = "WorkingDir"
        case user = "User"
        case environment = "Env"
        case labels = "Labels"
        case stopSignal = "StopSignal"
        case opensInput = "OpenStdin"
        case closesInput = "StdinOnce"
        case host = "HostConfig"
    }

    var image: String
    var entrypoint: [String]?
    var command: [String]?
    var workingDirectory: String?
    var user: String?
    var environment: [String]
    var labels: [String: String]
    var stopSignal: String?
    var opensInput: Bool?
    /// When the first who has written to it is gone.
    var closesInput: Bool?
    var host: HostConfig

    init(_ spec: ContainerSpec) {
        self.image = spec.image.description
        self.entrypoint = spec.entrypoint
        self.command = spec.command
        self.workingDirectory = spec.workingDirectory
        self.user = spec.user
        // Sorted, so that equal specifications make equal requests.
        self.environment = spec.environment.map { "\($0.key)=\($0.value)" }.sorted()
        self.labels = spec.labels
        self.stopSignal = spec.stopSignal
        self.opensInput = spec.readsInput ? true : nil
        self.closesInput = self.opensInput
        self.host = HostConfig(spec)
    }

    struct HostConfig: Encodable {
        enum CodingKeys: String, CodingKey {
            case binds = "Binds"
            case network = "NetworkMode"
            case runtime = "Runtime"
            case memoryBytes = "Memory"
            case cpuPeriodMicroseconds = "CpuPeriod"
            case cpuQuotaMicroseconds = "CpuQuota"
            case processes = "PidsLimit"
            case ulimits = "Ulimits"
            case storage = "StorageOpt"
            case devices = "DeviceRequests"
            case logging = "LogConfig"
            case security = "SecurityOpt"
            case droppedCapabilities = "CapDrop"
            case isReadOnly = "ReadonlyRootfs"
        }

        var binds: [String]?
        var network: String?
        var runtime: String?
        var memoryBytes: Int64?
        var cpuPeriodMicroseconds: Int64?
        var cpuQuotaMicroseconds: Int64?
        var processes: Int64?
        var ulimits: [Ulimit]?
        var storage: [String: String]?
        var devices: [DeviceRequest]?
        var logging: LogConfig?
        var security: [String]?
        var droppedCapabilities: [String]?
        var isReadOnly: Bool?

        init(_ spec: ContainerSpec) {
            self.binds = spec.binds.isEmpty ? nil : spec.binds
            self.network = spec.networkOf.map { "container:\($0.rawValue)" } ?? spec.network
            self.runtime = spec.runtime
            self.memoryBytes = spec.limits.memoryBytes
            self.cpuPeriodMicroseconds = spec.limits.cpuPeriodMicroseconds.map { Int64(clamping: $0) }
            self.cpuQuotaMicroseconds = spec.limits.cpuQuotaMicroseconds
            self.processes = spec.limits.processes
            self.ulimits = spec.limits.cpuTimeSeconds.map { [Ulimit(name: "cpu", limit: Int64(clamping: $0))] }
            self.storage = spec.limits.diskBytes.map { ["size": String($0)] }
            self.devices = spec.hasAllGPUs ? [.allGPUs] : nil
            self.logging = spec.keepsOutput ? spec.syslog.map(LogConfig.init) ?? spec.logRotation.map(LogConfig.init) : .discarded
            self.security = spec.mayGainPrivileges ? nil : ["no-new-privileges"]
            self.droppedCapabilities = spec.droppedCapabilities.isEmpty ? nil : spec.droppedCapabilities
            self.isReadOnly = spec.isReadOnly ? true : nil
        }
    }

    /// Soft and hard limit are the same. The unit is that of setrlimit(2), seconds for `cpu`.
    struct Ulimit: Encodable {
        enum CodingKeys: String, CodingKey {
            case name = "Name"
            case soft = "Soft"
            case hard = "Hard"
        }

        var name: String
        var soft: Int64
        var hard: Int64

        init(name: String, limit: Int64) {
            self.name = name
            self.soft = limit
            self.hard = limit
        }
    }

    struct DeviceRequest: Encodable {
        enum CodingKeys: String, CodingKey {
            case count = "Count"
            case capabilities = "Capabilities"
        }

        static let allGPUs = DeviceRequest(count: -1, capabilities: [["gpu"]])

        /// −1 means all.
        var count: Int
        /// A device has to have all capabilities of one of these lists.
        var capabilities: [[String]]
    }

    struct LogConfig: Encodable {
        enum CodingKeys: String, CodingKey {
            case type = "Type"
            case options = "Config"
        }

        var type: String
        var options: [String: String]

        init(_ rotation: LogRotation) {
            self.type = rotation.driver
            self.options = rotation.options
        }

        static let discarded = LogConfig(type: "none", options: [:])

        private init(type: String, options: [String: String]) {
            self.type = type
            self.options = options
        }

        init(_ target: SyslogTarget) {
            self.type = "syslog"
            self.options = ["syslog-address": target.address, "syslog-format": "rfc5424", "tag": target.tag]
        }
    }
}
