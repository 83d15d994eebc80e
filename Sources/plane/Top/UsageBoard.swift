import PlaneProtocol

/// The newest usage of every backend: what `plane top` shows.
struct UsageBoard {
    enum Order: String, CaseIterable {
        case cpu, memory, backend
    }

    private struct Entry {
        var message: BackendStatsMessage
        var heard: ContinuousClock.Instant
    }

    /// Agents speak of each backend about every 5 s; after three rounds of silence it is taken for gone.
    static let silenceLimit: Duration = .seconds(16)

    /// A backend of which two drones speak is shown twice, so that nobody speaks in another's place.
    private struct Key: Hashable {
        var backend: BackendID
        var drone: DroneID?
    }

    private var entries: [Key: Entry] = [:]

    mutating func heard(_ message: BackendStatsMessage, at now: ContinuousClock.Instant) {
        self.entries[Key(backend: message.backendID, drone: message.droneID)] = Entry(message: message, heard: now)
    }

    mutating func forgetSilent(at now: ContinuousClock.Instant) {
        self.entries = self.entries.filter { now - $0.value.heard <= Self.silenceLimit }
    }

    func sorted(by order: Order) -> [BackendStatsMessage] {
        self.entries.values.map(\.message).sorted { left, right in
            switch order {
            case .cpu where left.shareOfMachine != right.shareOfMachine: left.shareOfMachine > right.shareOfMachine
            case .memory where left.memoryUsedBytes != right.memoryUsedBytes: left.memoryUsedBytes > right.memoryUsedBytes
            case .cpu, .memory, .backend:
                (left.backendID.rawValue, left.droneID?.rawValue ?? "") < (right.backendID.rawValue, right.droneID?.rawValue ?? "")
            }
        }
    }

    func lines(by order: Order, _ console: Console) -> [String] {
        let rows = self.sorted(by: order)
        guard !rows.isEmpty else { return ["No usage has been told yet; agents do so about every 5 s while backends run."] }
        var table = TextTable(headings: ["BACKEND", "DRONE", "CPU", "MEMORY", "LIMIT"])
        for row in rows {
            table.rows.append([
                .init(row.backendID.hostName(in: row.cluster)),
                .init(row.droneID?.rawValue ?? "unknown"),
                .init(row.shareText, row.shareOfMachine > 0.5 ? .yellow : nil),
                .init(ByteText.of(row.memoryUsedBytes), row.isNearLimit ? .red : nil),
                .init(ByteText.of(row.memoryAvailableBytes)),
            ])
        }
        return table.lines(console)
    }
}

extension BackendStatsMessage {
    /// Of all processors of its drone together; 0 where the message has no measure.
    var shareOfMachine: Double {
        guard self.systemCPUNanoseconds > 0 else { return 0 }
        return Double(self.cpuUsedNanoseconds) / Double(self.systemCPUNanoseconds)
    }

    /// `12.5 %`
    var shareText: String {
        let tenths = Int((min(self.shareOfMachine, 1) * 1000).rounded())
        return "\(tenths / 10).\(tenths % 10) %"
    }

    /// Within a tenth of what it may use.
    var isNearLimit: Bool {
        self.memoryAvailableBytes > 0 && Double(self.memoryUsedBytes) > Double(self.memoryAvailableBytes) * 0.9
    }
}

/// Amounts of memory for people, in powers of 1024.
enum ByteText {
    static func of(_ bytes: UInt64) -> String {
        var value = Double(bytes)
        for unit in ["B", "KiB", "MiB", "GiB", "TiB"] {
            if value < 1000 || unit == "TiB" {
                let tenths = Int((value * 10).rounded())
                return value >= 100 || unit == "B" ? "\(Int(value.rounded())) \(unit)" : "\(tenths / 10).\(tenths % 10) \(unit)"
            }
            value /= 1024
        }
        return "\(bytes) B"
    }
}
