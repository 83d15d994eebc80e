package import PlaneProtocol

/// The newest usage of every backend.
package struct UsageTable: Sendable {
    package enum Order: String, CaseIterable, Sendable {
        case cpu, memory, backend
    }

    private struct Entry {
        var message: BackendStatsMessage
        var heard: ContinuousClock.Instant
    }

    /// Agents report each backend about every 5 s. After three missing reports a backend counts as gone.
    package static let silenceLimit: Duration = .seconds(16)

    /// If two drones report the same backend it is listed twice, so that no drone can replace another one's figures.
    private struct Key: Hashable {
        var backend: BackendID
        var drone: DroneID?
    }

    /// How many backends and machines are kept; further ones are passed over, since drones may make them up.
    private let limit: Int
    private var entries: [Key: Entry] = [:]
    /// The memory of each drone's machine, in bytes.
    private var machineMemory: [DroneID: UInt64] = [:]

    package init(limit: Int = 200_000) { self.limit = limit }

    package mutating func heard(_ message: BackendStatsMessage, at now: ContinuousClock.Instant) {
        let key = Key(backend: message.backendID, drone: message.droneID)
        guard self.entries.count < self.limit || self.entries[key] != nil else { return }
        self.entries[key] = Entry(message: message, heard: now)
    }

    package mutating func heard(_ message: DroneStatsMessage) {
        guard self.machineMemory.count < self.limit || self.machineMemory[message.drone] != nil else { return }
        self.machineMemory[message.drone] = message.memoryTotalBytes
    }

    /// Whether the container's memory is limited. For a container without a limit Docker reports the machine's memory as its limit, so this is true as well
    /// where the machine's memory is unknown.
    package func hasLimit(_ message: BackendStatsMessage) -> Bool {
        guard let machine = message.droneID.flatMap({ self.machineMemory[$0] }) else { return true }
        return message.memoryAvailableBytes < machine
    }

    package mutating func forgetSilent(at now: ContinuousClock.Instant) {
        self.entries = self.entries.filter { now - $0.value.heard <= Self.silenceLimit }
    }

    package func sorted(by order: Order) -> [BackendStatsMessage] {
        self.entries.values.map(\.message).sorted { left, right in
            switch order {
            case .cpu where left.shareOfMachine != right.shareOfMachine: left.shareOfMachine > right.shareOfMachine
            case .memory where left.memoryUsedBytes != right.memoryUsedBytes: left.memoryUsedBytes > right.memoryUsedBytes
            case .cpu, .memory, .backend:
                (left.backendID.rawValue, left.droneID?.rawValue ?? "") < (right.backendID.rawValue, right.droneID?.rawValue ?? "")
            }
        }
    }
}

extension BackendStatsMessage {
    /// The share of all processors of its drone together; 0 if the message has no figure for them.
    package var shareOfMachine: Double {
        guard self.systemCPUNanoseconds > 0 else { return 0 }
        return Double(self.cpuUsedNanoseconds) / Double(self.systemCPUNanoseconds)
    }

    /// Whether the backend uses more than nine tenths of the memory that it may use.
    package var isNearLimit: Bool {
        self.memoryAvailableBytes > 0 && Double(self.memoryUsedBytes) > Double(self.memoryAvailableBytes) * 0.9
    }
}
