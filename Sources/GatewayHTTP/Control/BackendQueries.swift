import GatewayCore
import GatewayHTTPConfiguration
import PlaneClient
import PlaneProtocol
import PlaneService
import PlaneState
import Timing

/// Answers queries about backends that Plane 0.5 does not have.
struct BackendQueries: Sendable {
    let fleet: Fleet

    /// The largest page of a list, in backends.
    static let largestPage = 1000
    private static let standardPage = 100
    /// How many of the newest lines of a log are read.
    private static let mostLines = 500
    /// How long to wait for a measurement; agents make one of each backend about every 5 s.
    private static let metricsLimit: Duration = .seconds(7)

    // MARK: Lists

    /// Lists backends in the order of their ids. The query may contain `cluster`, `drone`, `status`, `lock`, `key` with `namespace`, `user`, `prefix` of ids,
    /// `after` (an id) and `limit`.
    func list(_ query: QueryFields, caller: Caller, tokens: TokenWriter) async throws(GatewayError) -> Reply {
        try self.fleet.demandCurrent()
        let visited: Set<BackendID>? = if let user = query["user"] { try await tokens.backends(visitedBy: user) } else { nil }
        let filter = try BackendFilter(query, visited: visited)
        let limit = try Self.count(query["limit"], "limit", default: Self.standardPage, atMost: Self.largestPage)
        let clusters = self.fleet.mirror.ask { $0.clusterNames }.filter { filter.cluster == nil || filter.cluster == $0 }
        let visible = await awayFromEventLoop { () -> [BackendSummary] in
            // One more than the page has shows whether there is a next one.
            var first = Smallest<BackendSummary>(limit + 1) { $0.view.id.rawValue < $1.view.id.rawValue }
            for cluster in clusters {
                self.fleet.mirror.visitBackends(in: cluster) { views in
                    for view in views where filter.matches(view) && caller.may(self.scope(of: view, in: cluster, changes: false)) {
                        first.add(BackendSummary(cluster: cluster, view: view))
                    }
                }
            }
            return first.sorted
        }
        return .json(BackendPage(backends: Array(visible.prefix(limit)), next: visible.count > limit ? visible[limit - 1].view.id : nil))
    }

    /// The scope on which rights to a backend depend.
    func scope(of view: BackendView, in cluster: ClusterName, changes: Bool) -> CallScope {
        let pool = view.drone.flatMap { self.fleet.drone($0, in: cluster)?.metadata?.abilities.pool } ?? .unnamed
        return CallScope(changes: changes, cluster: cluster, pool: pool, namespace: KeyText(view.lock)?.namespace)
    }

    // MARK: One backend

    func report(of backend: BackendID, lines: Int) async throws(GatewayError) -> (report: BackendReport, view: BackendView?, entries: [StatusEntry]) {
        let reader = StatusReader(fleet: self.fleet)
        let located = self.fleet.locate(backend)
        let messages = try await reader.messages(of: backend)
        guard let cluster = located?.cluster ?? messages.last?.cluster else { throw .backendNotFound }
        var report = BackendReport(backend: backend, cluster: cluster)
        report.states = messages
        if messages.isEmpty, let located { report.states = try await reader.kept(of: located).messages }
        if let view = located?.view {
            report.drone = view.drone
            report.lock = view.lock
            report.holdsLock = view.lock.map { lock in self.fleet.mirror.ask { $0.lock(lock, in: cluster) == .held(by: backend) } } ?? false
            let drone = view.drone.flatMap { self.fleet.drone($0, in: cluster) }
            report.droneState = drone?.state
            report.droneSeen = drone?.lastSeen
        }
        if lines > 0 { report.lastLines = try await self.lines(lines, of: backend) }
        report.collectedAt = .now()
        return (report, located?.view, try await reader.fold(messages, of: located).entries)
    }

    func document(of backend: BackendID) async throws(GatewayError) -> Reply {
        let (report, view, entries) = try await self.report(of: backend, lines: 20)
        return .json(BackendDocument(report: report, view: view, entries: entries))
    }

    // MARK: Logs

    func logs(of backend: BackendID, _ query: QueryFields) async throws(GatewayError) -> Reply {
        let count = try Self.count(query["tail"], "tail", default: 100, atMost: Self.mostLines)
        let lines = try await self.lines(count, of: backend)
        // Says so of a backend that nobody knows.
        if lines.isEmpty { _ = try await StatusReader(fleet: self.fleet).status(of: backend) }
        return .json(LogDocument(lines: lines.map { BackendLogLine($0) }))
    }

    private func lines(_ count: Int, of backend: BackendID) async throws(GatewayError) -> [LogEntry] {
        try await StatusReader(fleet: self.fleet).ask { () async throws(PlaneError) in try await self.fleet.client.lastLogEntries(count, of: backend) }
    }

    // MARK: Metrics, events

    /// Waits for the next measurement.
    func metrics(of backend: BackendID) async throws(GatewayError) -> Reply {
        let client = self.fleet.client
        guard let located = self.fleet.locate(backend), !(located.view.state?.isTerminal ?? false) else { throw .backendNotFound }
        let sample: BackendStatsMessage?
        do throws(PlaneError) {
            let feeds = try await client.usage(of: backend)
            sample =
                try await withTimeLimit(Self.metricsLimit) { () async throws(PlaneError) -> BackendStatsMessage? in
                    await withTaskGroup(of: BackendStatsMessage?.self) { group in
                        for feed in feeds {
                            group.addTask {
                                for await message in feed { return message }; return nil
                            }
                        }
                        defer { group.cancelAll() }
                        for await sample in group { if let sample { return sample } }
                        return nil
                    }
                } ?? nil
        } catch {
            throw .unavailable("\(error)")
        }
        guard let sample else {
            throw GatewayError(
                .other, detail: "The drone has told nothing of this backend for \(Self.metricsLimit.components.seconds) s.", retryAfterSeconds: 5)
        }
        return .json(sample)
    }

    /// Every status of the cluster's backends from now on.
    func events(of cluster: ClusterName) async throws(GatewayError) -> Reply {
        try await self.fleet.demandFollowing()
        let feed = self.fleet.hub.events(of: cluster)
        let reader = StatusReader(fleet: self.fleet)
        return .events { writer in
            var statuses = ClusterFeed()
            for await event in feed.events {
                switch event {
                case .tick: try await writer.write(EventStreamText.keepAlive)
                case .message(let message):
                    let entries = try await statuses.apply(message) { (backend) async throws(GatewayError) in try await reader.messages(of: backend) }
                    for entry in entries {
                        try await writer.write(EventStreamText.event(WireCodec.encode(ClusterEvent(backend: message.backend, entry: entry))))
                    }
                }
            }
        }
    }

    static func count(_ text: String?, _ name: String, default standard: Int, atMost most: Int) throws(GatewayError) -> Int {
        guard let text else { return standard }
        guard let count = Int(text), (1...most).contains(count) else {
            throw .unprocessable("\(name): expected a number from 1 to \(most), found another text")
        }
        return count
    }
}

private struct BackendPage: JSONEncodable {
    let backends: [BackendSummary]
    /// The value of `after` for the next page; nil for the last page.
    let next: BackendID?

    func write(to json: inout JSONWriter) {
        json.object {
            $0.field("backends", self.backends)
            $0.field("next", self.next)
        }
    }
}

private struct LogDocument: JSONEncodable {
    let lines: [BackendLogLine]
    func write(to json: inout JSONWriter) { json.object { $0.field("lines", self.lines) } }
}

private struct ClusterEvent: JSONEncodable {
    let backend: BackendID
    let entry: StatusEntry

    func write(to json: inout JSONWriter) {
        json.object {
            $0.field("backend_id", self.backend)
            $0.field("entry", self.entry)
        }
    }
}

/// Which backends a list contains.
struct BackendFilter: Sendable {
    var cluster: ClusterName?
    private var drone: DroneID?
    private var statuses: Set<GatewayStatus> = []
    private var lock: LockName?
    private var after: String?
    /// The backends that the wanted user has visited; nil for any.
    private var visited: Set<BackendID>?
    private var prefix: String?
    private var showsEnded: Bool

    init(_ query: QueryFields, visited: Set<BackendID>?) throws(GatewayError) {
        self.visited = visited
        self.cluster = try Self.read(query["cluster"], "cluster", ClusterName.self)
        self.drone = try Self.read(query["drone"], "drone", DroneID.self)
        self.lock = try Self.read(query["lock"], "lock", LockName.self)
        if let name = query["key"] {
            guard let key = BackendKey(namespace: query["namespace"] ?? "", name: name) else { throw .unprocessable("key: expected \(LockName.expectation)") }
            self.lock = key.lock
        }
        for word in query.all("status").flatMap({ $0.split(separator: ",") }) {
            guard let status = GatewayStatus(rawValue: String(word)) else { throw .unprocessable("status: expected \(GatewayStatus.expectation)") }
            self.statuses.insert(status)
        }
        self.after = query["after"]
        self.prefix = query["prefix"]
        self.showsEnded = query["ended"] == "true" || self.statuses.contains(.terminated)
    }

    private static func read<Value: JSONText>(_ text: String?, _ name: String, _: Value.Type) throws(GatewayError) -> Value? {
        guard let text else { return nil }
        guard let value = Value(rawValue: text) else { throw .unprocessable("\(name): expected \(Value.expectation)") }
        return value
    }

    func matches(_ view: BackendView) -> Bool {
        let status = GatewayStatus(view.state, ending: view.ending)
        if status == .terminated, !self.showsEnded { return false }
        if !self.statuses.isEmpty, !self.statuses.contains(status) { return false }
        if let drone = self.drone, view.drone != drone { return false }
        if let lock = self.lock, view.lock != lock { return false }
        if let visited = self.visited, !visited.contains(view.id) { return false }
        if let after = self.after, view.id.rawValue <= after { return false }
        return self.prefix.map { view.id.rawValue.hasPrefix($0) } ?? true
    }
}
