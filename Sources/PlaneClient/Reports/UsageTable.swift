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

    /// Agents speak of each backend about every 5 s; after three rounds of silence it is taken for gone.
    package static let silenceLimit: Duration = .seconds(16)

    /// A backend of which two drones speak is there twice, so that nobody speaks in another's place.
    private struct Key: Hashable {
        var backend: BackendID
        var drone: DroneID?
    }

    private var entries: [Key: Entry] = [:]
    /// Of each drone's machine; there are no more drones than speak.
    private var machineMemory: [DroneID: UInt64] = [:]

    package init() {}

    package mutating func heard(_ message: BackendStatsMessage, at now: ContinuousClock.Instant) {
        self.entries[Key(backend: message.backendID, drone: message.droneID)] = Entry(message: message, heard: now)
    }

    package mutating func heard(_ message: DroneStatsMessage) { self.machineMemory[message.drone] = message.memoryTotalBytes }

    /// Whether the container may not use all of its machine's memory. Docker tells the machine's as the limit of one that has none; where the
    /// machine has said nothing of itself, that is told.
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
    /// Of all processors of its drone together; 0 where the message has no measure.
    package var shareOfMachine: Double {
        guard self.systemCPUNanoseconds > 0 else { return 0 }
        return Double(self.cpuUsedNanoseconds) / Double(self.systemCPUNanoseconds)
    }

    /// Within a tenth of what it may use.
    package var isNearLimit: Bool {
        self.memoryAvailableBytes > 0 && Double(self.memoryUsedBytes) > Double(self.memoryAvailableBytes) * 0.9
    }
}
