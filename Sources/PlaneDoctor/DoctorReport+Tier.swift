import PlaneClient
import PlaneProtocol
import PlaneState

/// What the proxies of the tier say of themselves.
extension DoctorReport {
    /// Schedulers write a message of the state each second: who has heard of none for longer knows what was.
    private static let stateAgeLimit: UInt64 = 10

    var tierFindings: [DoctorFinding] {
        guard let tier = self.tier else { return [] }
        return self.tierClusters(tier).flatMap { self.findings(of: $0, tier.filter { [cluster = $0] in $0.cluster == cluster }) }
    }

    /// Those that have proxies, or drones that expect some.
    private func tierClusters(_ tier: [ProxyStatusMessage]) -> [ClusterName] {
        let expecting = self.fleet.clusterNames.filter { cluster in self.livingDrones(in: cluster).contains { $0.metadata?.abilities.innerPort != nil } }
        return Set(expecting).union(tier.map(\.cluster)).sorted { $0.rawValue < $1.rawValue }
    }

    private func findings(of cluster: ClusterName, _ proxies: [ProxyStatusMessage]) -> [DoctorFinding] {
        guard !proxies.isEmpty else {
            return [
                DoctorFinding(
                    .notice, "tier", "\(cluster): drones have a port for proxies of a tier, and none was heard of.",
                    advice: "Where a gateway-proxy is to run: systemctl status plane-gateway-proxy. Where none is: take proxy.inner_port out.")
            ]
        }
        var findings: [DoctorFinding] = []
        for proxy in proxies {
            if !proxy.isReady {
                findings.append(
                    DoctorFinding(
                        .bad, "tier", "\(proxy.proxy) does not know the state of \(cluster), and serves nobody.",
                        advice: "Is there a stream plane_state, and plane_tokens, that its NATS user may read? Look at its log."))
            } else if let age = proxy.stateAge, age > Self.stateAgeLimit {
                findings.append(
                    DoctorFinding(
                        .bad, "tier", "What \(proxy.proxy) knows of \(cluster) is \(Duration.seconds(Int64(clamping: age)).brief) old.",
                        advice: "It serves what it knows. Does a scheduler run?"))
            }
        }
        let unreached = self.livingDrones(in: cluster).filter { $0.metadata?.abilities.innerPort == nil }.map(\.id.rawValue).sorted()
        if !unreached.isEmpty {
            findings.append(
                DoctorFinding(
                    .notice, "tier", "Drones that the tier does not reach: \(unreached.joined(separator: ", ")). Their backends are 502 there.",
                    advice: "Set proxy.inner_port and proxy.inner_secret there, and restart agent and proxy."))
        }
        guard findings.isEmpty else { return findings }
        let open = proxies.reduce(0) { $0 + ($1.openRequests ?? 0) }
        let names = proxies.map(\.proxy.rawValue).joined(separator: ", ")
        return [DoctorFinding(.good, "tier", "\(cluster): \(names) serve\(proxies.count == 1 ? "s" : ""), with \(open) requests and WebSockets open.")]
    }
}
