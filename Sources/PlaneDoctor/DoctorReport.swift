import NATS
import NetworkAddresses
import PlaneClient
import PlaneProtocol
import PlaneState
import StateReplication

/// What was found in a running system, without a judgement; ``findings`` has the judgement.
package struct DoctorReport: Sendable {
    struct NameLookup: Sendable, Equatable {
        var host: String
        var expected: IPAddress
        var found: [String]
    }

    struct Handshake: Sendable, Equatable {
        enum Outcome: Sendable, Equatable {
            /// The certificate, with the Unix time at which it expires.
            case certificate(notAfter: Int64)
            case failed(String)
        }

        var host: String
        var address: String
        var outcome: Outcome
    }

    var now: StateTime
    var streams: [(name: String, info: StreamInfo?)] = []
    /// Every stream of the account, ours and others'; empty if listing them is not permitted.
    var allStreams: [StreamInfo] = []
    var store: StoreUsage?
    /// The error of a scheduler that was asked and cannot answer.
    var complaint: String?
    var fleet = FleetState()
    /// The versions in the schedulers' heartbeats; older ones name none.
    var schedulerVersions: Set<String> = []
    /// Whether a heartbeat came in time.
    var sawHeartbeat = false
    /// Our clock minus that of the NATS server, when the heartbeat came.
    var clockDifference: Duration?
    /// The largest difference between a scheduler's clock and the NATS server's, as messages about drones show it.
    var schedulerClockDifference: Duration?
    /// For drones that are configured to isolate backends: whether the firewall cuts these off from the drone's machine.
    var isolation: [DroneID: Bool] = [:]
    /// The answers of live drones that were asked.
    var agents: [DroneID: AgentAnswer] = [:]
    /// Clocks of drones less ours, of those that tell the time.
    var droneClockDifferences: [DroneID: Duration] = [:]
    /// What the container engines of drones made of being asked, of agents that ask.
    var engines: [DroneID: OpenConnections.EngineAnswer] = [:]
    /// Whether drones lack the image of the demo, of those that say it.
    var lackDemo: [DroneID: Bool] = [:]
    var pages: [Page] = []
    var disks: [DroneID: Disk] = [:]
    /// What proxies of the tier say of themselves; nil where they could not be listened to.
    var tier: [ProxyStatusMessage]?
    var lookups: [NameLookup] = []
    var handshakes: [Handshake] = []

    /// A larger difference between clocks should be corrected: drones are judged by 30 s, and heartbeats come every second.
    static let clockTolerance: Duration = .seconds(2)
    /// Certificates are renewed weeks before their end, so something is wrong if one is so near to it.
    static let certificateMargin: Duration = .seconds(7 * 86_400)

    package var findings: [DoctorFinding] {
        self.streamFindings + self.growthFindings + self.auditFindings + self.storeFindings + self.tokenFindings + self.schedulerFindings + self.clockFindings
            + self.droneFindings
            + self.agentFindings + self.engineFindings + self.imageFindings + self.proxyFindings + self.tierFindings + self.versionFindings + self.diskFindings
            + self.isolationFindings
            + self.nameFindings + self.certificateFindings + self.trustFindings
    }

    private var streamFindings: [DoctorFinding] {
        let missing = self.streams.filter { $0.info == nil }.map(\.name)
        guard missing.isEmpty else {
            return [
                DoctorFinding(
                    .bad, "streams", "There is no stream \(missing.joined(separator: ", ")).",
                    advice: self.overlaps(of: missing) ?? "A scheduler makes them when it starts: is one running, and may it create streams?")
            ]
        }
        let state = self.streams.first { $0.name == StateStream.name }?.info
        let summary = state.map { "\($0.messages) messages (\($0.bytes.asBytes)) in \($0.name), \($0.copies == 1 ? "one copy" : "\($0.copies) copies")" } ?? ""
        if let state, state.copies > 1, state.copies < state.replicas {
            return [
                DoctorFinding(
                    .notice, "streams", "All there; \(summary), and \(state.replicas) are wanted.",
                    advice: "A server of NATS is away, or catches up: nats server list, nats stream info \(state.name)")
            ]
        }
        guard let state, state.copies == 2 else { return [DoctorFinding(.good, "streams", "All there; \(summary).")] }
        return [
            DoctorFinding(
                .notice, "streams", "All there; \(summary). Two replicas cannot do without either.",
                advice: "Give the stream three: nats stream edit \(state.name) --replicas 3")
        ]
    }

    private var schedulerFindings: [DoctorFinding] {
        guard self.sawHeartbeat else {
            if let complaint = self.complaint {
                return [
                    DoctorFinding(
                        .bad, "scheduler", "No heartbeat came within \(Doctor.heartbeatLimit.brief). A scheduler says: \(complaint).",
                        advice: "It goes on by itself as soon as NATS takes what it writes.")
                ]
            }
            return [
                DoctorFinding(
                    .bad, "scheduler", "No heartbeat came within \(Doctor.heartbeatLimit.brief): no scheduler runs, or it cannot write.",
                    advice: "Start a scheduler, and look at its log.")
            ]
        }
        return [DoctorFinding(.good, "scheduler", "At least one is alive and writes.")]
    }

    private var clockFindings: [DoctorFinding] {
        let differences =
            [("this machine", self.clockDifference), ("a scheduler's machine", self.schedulerClockDifference)]
            .compactMap { name, difference in difference.map { (name, $0) } } + self.droneClocks
        let wrong = differences.filter { $0.1 > Self.clockTolerance || $0.1 < .zero - Self.clockTolerance }
        guard wrong.isEmpty else {
            return wrong.map { name, difference in
                let size = difference < .zero ? .zero - difference : difference
                return DoctorFinding(
                    .bad, "clocks", "The clock of \(name) is \(size.brief) \(difference < .zero ? "behind" : "ahead of") that of NATS.",
                    advice: "Let all machines follow the same time (chrony, systemd-timesyncd).")
            }
        }
        return differences.isEmpty ? [] : [DoctorFinding(.good, "clocks", "They agree.")]
    }

    /// Less the NATS server's, as far as ours is known to differ from that.
    private var droneClocks: [(String, Duration)] {
        guard let own = self.clockDifference else { return [] }
        return self.droneClockDifferences.sorted { $0.key.rawValue < $1.key.rawValue }.map { ("\($0.key)", $0.value + own) }
    }

    func livingDrones(in cluster: ClusterName) -> [DroneView] {
        self.fleet.drones(in: cluster).filter { drone in drone.lastSeen.map { self.now.since($0) <= Placement.livenessWindow } ?? false }
    }

    private var droneFindings: [DoctorFinding] {
        let clusters = self.fleet.clusterNames
        guard !clusters.isEmpty else {
            return [DoctorFinding(.bad, "drones", "No drone has ever registered.", advice: "Start drone-agent on a machine with Docker.")]
        }
        return clusters.map { cluster in
            let drones = self.fleet.drones(in: cluster)
            let alive = self.livingDrones(in: cluster)
            let usable = alive.filter { $0.state == .ready && (self.agents[$0.id] ?? .answered) == .answered }
            let silent = drones.filter { drone in !alive.contains { $0.id == drone.id } && drone.state != .lost }
            let summary = "\(cluster): \(usable.count) of \(drones.count) take backends"
            guard !usable.isEmpty else {
                return DoctorFinding(
                    .bad, "drones", "\(summary).", advice: "plane list-drones --cluster \(cluster) shows their states; plane drain --cancel undoes a drain.")
            }
            guard silent.isEmpty else {
                return DoctorFinding(
                    .notice, "drones", "\(summary); silent: \(silent.map(\.id.rawValue).sorted().joined(separator: ", ")).",
                    advice: "Is drone-agent running there, and connected to NATS?")
            }
            return DoctorFinding(.good, "drones", "\(summary).")
        }
    }

    private var isolationFindings: [DoctorFinding] {
        let open = self.isolation.filter { !$0.value }.map(\.key.rawValue).sorted()
        guard open.isEmpty else {
            return [
                DoctorFinding(
                    .bad, "isolation", "Backends reach what listens on their machine: \(open.joined(separator: ", ")).",
                    advice: "Start what sets the firewall's rules up there: systemctl enable --now plane-isolation, and look at its log.")
            ]
        }
        return self.isolation.isEmpty ? [] : [DoctorFinding(.good, "isolation", "Backends are kept away from the machines they run on.")]
    }

    private var nameFindings: [DoctorFinding] {
        self.lookups.map { lookup in
            if lookup.found.contains("\(lookup.expected)") {
                return DoctorFinding(.good, "dns", "\(lookup.host) is \(lookup.expected), as it should be.")
            }
            // These names are not looked up in any of our zones (RFC 6761 §6.3): browsers, and some resolvers, take them for this machine.
            if lookup.found.isEmpty, lookup.host.hasSuffix(".localhost") {
                return DoctorFinding(
                    .notice, "dns", "\(lookup.host) has no address here: this machine's resolver does not know names under localhost. Browsers and curl do.",
                    advice: "Programs that ask the resolver need to be told \(lookup.expected), with this name in the field Host.")
            }
            let found = lookup.found.isEmpty ? "has no address here" : "is \(lookup.found.joined(separator: ", ")) here"
            return DoctorFinding(
                .bad, "dns", "\(lookup.host) \(found), and should be \(lookup.expected).",
                advice: "Is the cluster's zone delegated to the dns service, and does that run?")
        }
    }

    /// Each that is not well; where all are, the one that ends first.
    private var certificateFindings: [DoctorFinding] {
        var wrong: [DoctorFinding] = []
        var good: (address: String, left: Duration)?
        var count = 0
        for handshake in self.handshakes {
            switch handshake.outcome {
            case .failed(let reason):
                wrong.append(
                    DoctorFinding(
                        .notice, "certificate", "No TLS with \(handshake.address): \(reason).",
                        advice: "If the drone is to serve HTTPS: has cert-refresher put a certificate there, and does drone-proxy run?"))
            case .certificate(let notAfter):
                let left = WireTime(seconds: notAfter).stateTime.since(self.now)
                if left <= .zero {
                    wrong.append(
                        DoctorFinding(
                            .bad, "certificate", "The one at \(handshake.address) has ended.", advice: "Look at the log of cert-refresher there."))
                } else if left < Self.certificateMargin {
                    wrong.append(
                        DoctorFinding(
                            .bad, "certificate", "The one at \(handshake.address) is good for \(left.brief).",
                            advice: "It should have been renewed by now: look at the log of cert-refresher there."))
                } else {
                    count += 1
                    if good.map({ left < $0.left }) ?? true { good = (handshake.address, left) }
                }
            }
        }
        guard let good else { return wrong }
        let others = count == 1 ? "" : ", and the other \(count - 1) for at least as long"
        return wrong + [DoctorFinding(.good, "certificate", "The one at \(good.address) is good for \(good.left.brief)\(others).")]
    }
}
