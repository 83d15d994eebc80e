package import UTCTime

/// A container's state when it was inspected.
package struct ContainerState: Hashable, Sendable {
    package var status: ContainerStatus
    /// Whether its first process runs; also true for a paused one.
    package var isRunning: Bool
    /// The exit code; 0 before the container has ended. Any 64-bit number is accepted.
    package var exitCode: Int64
    package var wasKilledForMemory: Bool
    /// The id of its first process on the daemon's machine; nil unless it runs.
    package var processID: Int64?
    /// Why it could not be started, in the daemon's own words.
    package var error: String?
    /// Nil if it never ran.
    package var startedAt: UTCInstant?
    /// Nil while it has not ended.
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

/// A container's state, in Docker's terms.
package enum ContainerStatus: Hashable, Sendable {
    case created, running, paused, restarting, removing, exited, dead
    /// A state that only a later API version has.
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

/// The end of a container.
package struct ContainerExit: Hashable, Sendable, Decodable {
    /// Exit code of its first process; 128 + n if signal n killed it. Any 64-bit number is accepted.
    package var code: Int64

    private enum CodingKeys: String, CodingKey {
        case code = "StatusCode"
    }
}
