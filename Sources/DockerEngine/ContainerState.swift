package import UTCTime

/// A container's state at the moment it was inspected.
package struct ContainerState: Hashable, Sendable {
    package var status: ContainerStatus
    /// Whether its first process lives; true for a paused one too.
    package var isRunning: Bool
    /// Meaningful once it has run: 0 before. Any 64-bit number is tolerated.
    package var exitCode: Int64
    package var wasKilledForMemory: Bool
    /// Of its first process, as the daemon's machine counts; nil unless it runs.
    package var processID: Int64?
    /// Why it could not be started, in the daemon's words.
    package var error: String?
    /// nil when it never ran.
    package var startedAt: UTCInstant?
    /// nil while it has not ended.
    package var finishedAt: UTCInstant?
}

extension ContainerState: Decodable {
    private enum CodingKeys: String, CodingKey {
        case status = "Status"
        case isRunning = "Running"
        case exitCode = "ExitCode"
        case wasKilledForMemory = "OOMKilled"
        case processID = "Pid"
        case error = "Error"
        case startedAt = "StartedAt"
        case finishedAt = "FinishedAt"
    }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        self.status = ContainerStatus(try fields.decode(String.self, forKey: .status))
        self.isRunning = try fields.decodeIfPresent(Bool.self, forKey: .isRunning) ?? (self.status == .running)
        self.exitCode = try fields.decodeIfPresent(Int64.self, forKey: .exitCode) ?? 0
        self.wasKilledForMemory = try fields.decodeIfPresent(Bool.self, forKey: .wasKilledForMemory) ?? false
        self.processID = try fields.decodeIfPresent(Int64.self, forKey: .processID).flatMap { $0 > 0 ? $0 : nil }
        self.error = try fields.decodeIfPresent(String.self, forKey: .error).flatMap { $0.isEmpty ? nil : $0 }
        self.startedAt = try fields.decodeIfPresent(String.self, forKey: .startedAt).flatMap(UTCInstant.init(engine:))
        self.finishedAt = try fields.decodeIfPresent(String.self, forKey: .finishedAt).flatMap(UTCInstant.init(engine:))
    }
}

/// Where a container is in its life, in Docker's words.
package enum ContainerStatus: Hashable, Sendable {
    case created, running, paused, restarting, removing, exited, dead
    /// A word of a later API.
    case other(String)

    init(_ text: String) {
        switch text {
        case "created": self = .created
        case "running": self = .running
        case "paused": self = .paused
        case "restarting": self = .restarting
        case "removing": self = .removing
        case "exited": self = .exited
        case "dead": self = .dead
        default: self = .other(text)
        }
    }
}

/// How a container ended.
package struct ContainerExit: Hashable, Sendable, Decodable {
    /// Status of its first process, 128 + n when signal n killed it. Any 64-bit number is tolerated.
    package var code: Int64

    private enum CodingKeys: String, CodingKey {
        case code = "StatusCode"
    }
}
