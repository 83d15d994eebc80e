import PlaneClient
import PlaneProtocol

extension UsageTable {
    func lines(by order: Order, _ console: Console) -> [String] {
        let rows = self.sorted(by: order)
        guard !rows.isEmpty else { return ["No usage has been told yet; agents do so about every 5 s while backends run."] }
        var table = TextTable(headings: ["BACKEND", "DRONE", "CPU", "MEMORY", "LIMIT"])
        table.elastic = [0, 1]
        for row in rows {
            table.rows.append([
                .init(row.backendID.hostName(in: row.cluster)),
                .init(row.droneID?.rawValue ?? "unknown"),
                .init(row.shareText, row.shareOfMachine > 0.5 ? .yellow : nil),
                .init(ByteText.of(row.memoryUsedBytes), row.isNearLimit && self.hasLimit(row) ? .red : nil),
                .init(self.hasLimit(row) ? ByteText.of(row.memoryAvailableBytes) : "-"),
            ])
        }
        return table.lines(console)
    }
}

extension BackendStatsMessage {
    /// The share as text, such as `12.5 %`.
    var shareText: String {
        let tenths = Int((min(self.shareOfMachine, 1) * 1000).rounded())
        return "\(tenths / 10).\(tenths % 10) %"
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

/// A sample in JSON output; `drone_id` is the older spelling of `drone`.
struct UsageItem: JSONEncodable {
    let sample: BackendStatsMessage

    func write(to json: inout JSONWriter) {
        json.object {
            $0.field("cluster", self.sample.cluster)
            $0.field("drone", self.sample.droneID)
            $0.field("backend_id", self.sample.backendID)
            $0.field("mem_used", self.sample.memoryUsedBytes)
            $0.field("mem_available", self.sample.memoryAvailableBytes)
            $0.field("cpu_used", self.sample.cpuUsedNanoseconds)
            $0.field("sys_cpu", self.sample.systemCPUNanoseconds)
            $0.field("drone_id", self.sample.droneID)
        }
    }
}
