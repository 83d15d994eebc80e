import NATS
import PlaneClient
import PlaneProtocol
import PlaneState
import StateReplication

/// The checks of other programs' streams and of the store.
extension DoctorReport {
    /// The subjects of the streams that every system has.
    private static let subjects = [
        StateStream.name: StateMessage.subscription, HistoryStream.statuses: BackendStateMessage.subscription,
        HistoryStream.logs: BackendLogMessage.subscription,
    ]

    /// Subjects of requests whose senders wait for an answer: of all kinds, and of those that a drone makes under its own name.
    private static let requests = [
        DroneConnectRequest.subscription, DroneStatement<DroneConnectRequest>.subscription, SpawnRequest.subscription, RollCallRequest.subscription,
        OpenConnectionsRequest.subscription, DrainDrone.subscription, TerminationRequest.subscription, UpdateBackendStateMessage.subscription,
        DroneStatement<UpdateBackendStateMessage>.subscription, ScheduleRequest.subscription, FetchBackendForLock.subscription, SetAcmeDNSRecord.subscription,
        ExecRequest.subscription, ExecInput.subscription, ExecOutputRequest.subscription, DescribeBackend.subscription,
    ]

    /// Which other streams have the subjects of the missing ones; nil if none do.
    func overlaps(of missing: [String]) -> String? {
        let overlaps = missing.flatMap { name -> [String] in
            guard let subject = Self.subjects[name] else { return [] }
            return self.allStreams.compactMap { stream in
                let theirs = stream.subjects.filter { NATSSubject.overlap($0, subject) }
                guard !theirs.isEmpty else { return nil }
                return "The subjects \(subject) of \(name) overlap with \(theirs.joined(separator: ", ")) of stream \(stream.name)"
            }
        }
        guard !overlaps.isEmpty else { return nil }
        return "\(overlaps.joined(separator: ". ")): take them away there (nats stream edit), and a scheduler makes ours."
    }

    var auditFindings: [DoctorFinding] {
        self.allStreams.filter(\.acknowledges).compactMap { stream in
            let taken = Self.requests.filter { request in stream.subjects.contains { NATSSubject.overlap($0, request) } }
            guard !taken.isEmpty else { return nil }
            return DoctorFinding(
                .notice, "streams",
                "Stream \(stream.name) stores requests (\(taken.joined(separator: ", "))), and NATS acknowledges each to whoever asks. "
                    + "Older programs of Plane, and your own, may take that for the answer.",
                advice: "If it is to store them, let it be silent: nats stream edit \(stream.name) --no-ack")
        }
    }

    /// A few may wait for their turn; a fleet that ends twenty backends a second ends as many in two minutes.
    private static let mostOutdated = 2000
    /// Twice as long as ended backends stay if nothing else is configured (`scheduler.ended_retention_secs`).
    private static let longRetention: Duration = .seconds(2 * 86_400)

    /// Whether what is outdated leaves the state of the fleet. It holds several messages for each backend, and all readers keep it in memory.
    var growthFindings: [DoctorFinding] {
        var (backends, ended, outdated) = (0, 0, 0)
        for backend in self.fleet.clusterNames.flatMap({ self.fleet.backends(in: $0) }) {
            backends += 1
            guard backend.state?.isTerminal == true, let time = backend.stateTime else { continue }
            ended += 1
            if self.now.since(time) > Self.longRetention { outdated += 1 }
        }
        guard backends > 0 else { return [] }
        let summary = "The state of the fleet holds \(backends) backends, of which \(ended) have ended"
        guard outdated > Self.mostOutdated else { return [DoctorFinding(.good, "state", "\(summary).")] }
        return [
            DoctorFinding(
                .notice, "state", "\(summary), \(outdated) of them more than two days ago: it grows.",
                advice: "Unless scheduler.ended_retention_secs is longer: does the log of a scheduler say that what is outdated cannot be deleted?")
        ]
    }

    var storeFindings: [DoctorFinding] {
        guard let store = self.store else { return [] }
        guard let limit = store.limit else {
            return [DoctorFinding(.good, "store", "All streams take \(store.used.asBytes); how much there is room for cannot be known from here.")]
        }
        let share = limit == 0 ? 100 : Int(min(Double(store.used) / Double(limit), 1) * 100)
        let text = "All streams take \(store.used.asBytes) of about \(limit.asBytes) in JetStream's store (\(share) %)"
        guard store.isNearlyFull else { return [DoctorFinding(.good, "store", "\(text).")] }
        let largest = self.allStreams.max { $0.bytes < $1.bytes }
        let blame = largest.map { ", most of it stream \($0.name) (\($0.bytes.asBytes))" } ?? ""
        return [
            DoctorFinding(
                .bad, "store", "\(text)\(blame). When it is full, nothing can be scheduled.",
                advice: "Give it more (max_file_store, or the account's limit), or let that stream keep less: nats stream edit")
        ]
    }
}

extension DoctorReport {
    /// Whether the stream of visitors' tokens will soon forget some of them.
    var tokenFindings: [DoctorFinding] {
        func full(_ name: String) -> (StreamInfo, limit: UInt64)? {
            guard let stream = self.allStreams.first(where: { $0.name == name }), let limit = stream.maxBytes,
                StoreUsage(used: stream.bytes, limit: limit).isNearlyFull
            else { return nil }
            return (stream, limit)
        }
        var findings: [DoctorFinding] = []
        if let (stream, limit) = full(TokenUse.stream) {
            findings.append(
                DoctorFinding(
                    .notice, "tokens",
                    "Notes of which visitors' tokens are in use take \(stream.bytes.asBytes) of \(limit.asBytes) in \(stream.name). When it is full the oldest are "
                        + "forgotten, and proxies may refuse visitors whose tokens are in use.",
                    advice: "Are so many in use? Otherwise look at the machines of the tier, which alone write it."))
        }
        guard let (stream, limit) = full(TokenRecord.stream) else { return findings }
        return findings + [
            DoctorFinding(
                .notice, "tokens",
                "Visitors' tokens take \(stream.bytes.asBytes) of \(limit.asBytes) in \(stream.name). When it is full the oldest end, used or not, and their "
                    + "visitors have to ask for new ones.",
                advice:
                    "Do many live for long (gateway.token_lifetime_secs)? Those that have ended leave it within hours, unless the log of a scheduler says that "
                    + "messages cannot be deleted.")
        ]
    }
}

extension UInt64 {
    /// The number of bytes for people, as in "1.5 MiB".
    var asBytes: String {
        for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] where self >= 1 << shift {
            let tenths = (Double(self) / Double(UInt64(1) << shift) * 10).rounded() / 10
            return tenths == tenths.rounded() ? "\(Int(tenths)) \(unit)" : "\(tenths) \(unit)"
        }
        return "\(self) bytes"
    }
}
