package import PlaneProtocol

/// What the proxies of the tier have said of themselves. The processes of one proxy are counted apart, and shown as one.
package struct TierProxies: Sendable {
    /// A proxy, with what its processes have said added up.
    package struct Proxy: Sendable {
        package var status: ProxyStatusMessage
        package var heardAt: ContinuousClock.Instant
    }

    private struct Process: Sendable {
        var status: ProxyStatusMessage
        let since: ContinuousClock.Instant
        var heardAt: ContinuousClock.Instant
    }

    /// A proxy that was silent for so long counts as gone; each reports every 10 s.
    package static let silenceLimit: Duration = .seconds(30)
    /// How many proxies are remembered.
    private static let proxyLimit = 10_000
    /// How many processes of one proxy are: each reload may leave one that serves out what it has open. Of more, the one that was silent for longest is forgotten.
    private static let processLimit = 64

    private var known: [TierProxyName: [UInt64?: Process]] = [:]

    package init() {}

    package mutating func hear(_ status: ProxyStatusMessage, at now: ContinuousClock.Instant) {
        let name = TierProcess(status).name
        if self.known.count >= Self.proxyLimit, self.known[name] == nil {
            self.forgetSilent(at: now)
            guard self.known.count < Self.proxyLimit else { return }
        }
        var processes = self.known.removeValue(forKey: name) ?? [:]
        if status.hasEnded == true {
            processes[status.process] = nil
        } else {
            processes[status.process] = Process(status: status, since: processes[status.process]?.since ?? now, heardAt: now)
        }
        if processes.count > Self.processLimit, let oldest = processes.min(by: { $0.value.heardAt < $1.value.heardAt })?.key { processes[oldest] = nil }
        if !processes.isEmpty { self.known[name] = processes }
    }

    private mutating func forgetSilent(at now: ContinuousClock.Instant) {
        self.known = self.known.compactMapValues { processes in
            let heard = processes.filter { now - $0.value.heardAt <= Self.silenceLimit }
            return heard.isEmpty ? nil : heard
        }
    }

    /// Those that were heard of lately, in the order of their clusters and ids.
    package func proxies(at now: ContinuousClock.Instant) -> [Proxy] {
        self.known.values.compactMap { Self.sum(of: $0.values.filter { now - $0.heardAt <= Self.silenceLimit }) }.sorted {
            ($0.status.cluster.rawValue, $0.status.proxy.rawValue) < ($1.status.cluster.rawValue, $1.status.proxy.rawValue)
        }
    }

    /// Processes that serve visitors, of one cluster or of all.
    package func serving(_ cluster: ClusterName?, at now: ContinuousClock.Instant) -> Set<TierProcess> {
        var serving: Set<TierProcess> = []
        for (name, processes) in self.known where cluster == nil || name.cluster == cluster {
            for process in processes.values where process.status.isReady && now - process.heardAt <= Self.silenceLimit {
                serving.insert(TierProcess(process.status))
            }
        }
        return serving
    }

    /// The version is that of the process that came last. What visitors get may be as old as the oldest that one of those that serve knows.
    private static func sum(of processes: [Process]) -> Proxy? {
        guard let latest = processes.max(by: { $0.since < $1.since }) else { return nil }
        var sum = latest.status
        sum.process = nil
        sum.isReady = processes.contains(where: \.status.isReady)
        let open = processes.compactMap(\.status.openRequests)
        sum.openRequests = open.isEmpty ? nil : open.reduce(0, &+)
        sum.stateAge = processes.filter { $0.status.isReady == sum.isReady }.compactMap(\.status.stateAge).max()
        return Proxy(status: sum, heardAt: processes.map(\.heardAt).max() ?? latest.heardAt)
    }
}
