import GatewayCore
import PlaneClient
import PlaneProtocol
import PlaneState

/// One backend in a list.
struct BackendSummary: JSONEncodable {
    let cluster: ClusterName
    let view: BackendView

    func write(to json: inout JSONWriter) {
        json.object { self.write(to: &$0) }
    }

    func write(to json: inout JSONWriter.Object) {
        json.field("backend_id", self.view.id)
        json.field("cluster", self.cluster)
        json.field("drone", self.view.drone)
        json.field("status", GatewayStatus(self.view.state, ending: self.view.ending))
        json.field("state", self.view.state)
        json.field("time", self.view.stateTime)
        json.field("key", self.view.lock.flatMap { KeyText($0) })
        json.fieldIfPresent("tag", self.view.tag)
        json.fieldIfPresent("lock", KeyText(self.view.lock) == nil ? self.view.lock : nil)
    }
}

/// The key to which a lock belongs.
struct KeyText: JSONEncodable, Hashable {
    let namespace: String
    let name: String

    /// Nil for a lock that does not belong to a key.
    init?(_ lock: LockName?) {
        guard let text = lock?.rawValue, text.hasPrefix("k1:") else { return nil }
        let rest = text.utf8.dropFirst(3)
        guard let colon = rest.firstIndex(of: UInt8(ascii: ":")), let length = Int(String(rest[..<colon]) ?? ""), length >= 0 else { return nil }
        let start = rest.index(after: colon)
        guard let end = rest.index(start, offsetBy: length, limitedBy: rest.endIndex), end < rest.endIndex, rest[end] == UInt8(ascii: ":"),
            let namespace = String(rest[start..<end]), let name = String(rest[rest.index(after: end)...])
        else { return nil }
        self.namespace = namespace
        self.name = name
    }

    func write(to json: inout JSONWriter) {
        json.object {
            $0.field("namespace", self.namespace)
            $0.field("name", self.name)
        }
    }
}

/// Everything that is known of one backend.
struct BackendDocument: JSONEncodable {
    let report: BackendReport
    let view: BackendView?
    let entries: [StatusEntry]

    func write(to json: inout JSONWriter) {
        json.object {
            if let view = self.view {
                BackendSummary(cluster: self.report.cluster, view: view).write(to: &$0)
            } else {
                $0.field("backend_id", self.report.backend)
                $0.field("cluster", self.report.cluster)
                $0.field("status", self.entries.last?.status)
            }
            $0.field("holds_key", self.report.holdsLock)
            $0.field("statuses", self.entries)
            $0.fieldIfPresent("phases", self.report.phases)
            $0.fieldIfPresent("diagnosis", self.report.explanation)
            $0.fieldIfPresent("cause", self.report.outcome?.detail?.cause)
            $0.fieldIfPresent("exit_code", self.report.outcome?.detail?.exitCode)
            $0.fieldIfPresent("message", self.report.outcome?.detail?.message)
            $0.fieldIfPresent("requested_by", self.report.states.compactMap { $0.detail?.requestedBy }.last)
            $0.field("last_lines", self.report.lastLines.map { BackendLogLine($0) })
        }
    }
}

/// One piece of a backend's log.
struct BackendLogLine: JSONEncodable {
    let entry: LogEntry

    init(_ entry: LogEntry) { self.entry = entry }

    func write(to json: inout JSONWriter) {
        json.object {
            $0.field("stream", self.entry.kind.rawValue.lowercased())
            $0.fieldIfPresent("time", self.entry.time)
            $0.field("text", self.entry.text)
            $0.fieldIfPresent("continues", self.entry.endsLine ? nil : true)
        }
    }
}
