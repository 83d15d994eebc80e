import NetworkAddresses
import PlaneClient
import PlaneProtocol
import PlaneService
import PlaneState

/// The checks of drones and their proxies.
extension DoctorReport {
    /// The result of asking a drone's agent.
    enum AgentAnswer: Sendable, Equatable {
        case answered
        /// Nobody listens for the request.
        case nobody
        case failed(String)
    }

    /// The result of requesting a page from a drone's proxy.
    struct Page: Sendable, Equatable {
        enum Outcome: Sendable, Equatable {
            case answered(status: Int)
            /// The proxy itself says that it cannot find out which backends there are.
            case knowsNoBackends(status: Int)
            /// The connection is made, and no answer comes in time.
            case silent
            /// - Parameter isRefused: whether the machine answers, but nothing listens on the port.
            case failed(String, isRefused: Bool)
        }

        var drone: DroneID
        var address: String
        var outcome: Outcome
    }

    /// The fullest disk of a drone's machine.
    struct Disk: Sendable, Equatable {
        var availableBytes: UInt64
        var totalBytes: UInt64

        /// Less room than this is little, since an image of a few GiB has to fit.
        private static let little: UInt64 = 2 << 30

        var isNearlyFull: Bool { self.availableBytes < self.totalBytes / 10 && self.availableBytes < 10 * Self.little }
        var isFull: Bool { self.availableBytes < self.totalBytes / 33 && self.availableBytes < Self.little }
    }

    var agentFindings: [DoctorFinding] {
        let asked = self.agents.sorted { $0.key.rawValue < $1.key.rawValue }
        let wrong = asked.compactMap { drone, answer -> DoctorFinding? in
            switch answer {
            case .answered: return nil
            case .nobody:
                return DoctorFinding(
                    .bad, "agents", "Nobody answers for \(drone): its agent does not run, or is not connected to NATS.",
                    advice: "There: systemctl status plane-drone-agent, and look at its log.")
            case .failed(let reason):
                return DoctorFinding(
                    .bad, "agents", "The agent of \(drone) gives no answer: \(reason).", advice: "There: journalctl -u plane-drone-agent, docker info.")
            }
        }
        guard wrong.isEmpty else { return wrong }
        return asked.isEmpty ? [] : [DoctorFinding(.good, "agents", asked.count == 1 ? "It answers." : "All \(asked.count) answer.")]
    }

    var engineFindings: [DoctorFinding] {
        let asked = self.engines.sorted { $0.key.rawValue < $1.key.rawValue }
        let wrong = asked.compactMap { drone, answer -> DoctorFinding? in
            guard case .failed(let reason) = answer else { return nil }
            return DoctorFinding(
                .bad, "docker", "Docker does not answer on \(drone): \(reason).",
                advice: "There: systemctl status docker. Backends that run go on and are served; none starts, and none can be stopped.")
        }
        guard wrong.isEmpty else { return wrong }
        return asked.isEmpty ? [] : [DoctorFinding(.good, "docker", asked.count == 1 ? "It answers." : "It answers on all \(asked.count).")]
    }

    /// The image of `scripts/demo-image`, which the documents' examples run. No registry has it, so each drone needs its own.
    static let demoImage = "plane-demo"

    /// A fleet without the demo is not at fault; one of which some drones have it fails at times.
    var imageFindings: [DoctorFinding] {
        let lacking = self.lackDemo.filter(\.value).map(\.key.rawValue).sorted()
        guard !self.lackDemo.isEmpty else { return [] }
        guard lacking.count < self.lackDemo.count else {
            return [DoctorFinding(.good, "images", "No drone has \(Self.demoImage); only the examples of the documents need it.")]
        }
        guard lacking.isEmpty else {
            return [
                DoctorFinding(
                    .notice, "images", "\(Self.demoImage) is missing on \(Self.list(lacking)), and others have it.",
                    advice: "Make it there with scripts/demo-image, or carry it over: docker save \(Self.demoImage) | ssh DRONE docker load")
            ]
        }
        return [DoctorFinding(.good, "images", self.lackDemo.count == 1 ? "\(Self.demoImage) is there." : "All have \(Self.demoImage).")]
    }

    /// The first names, and how many more there are.
    private static func list(_ names: [String]) -> String {
        names.prefix(3).joined(separator: ", ") + (names.count > 3 ? " and \(names.count - 3) more" : "")
    }

    var proxyFindings: [DoctorFinding] {
        let wrong = self.pages.compactMap { page -> DoctorFinding? in
            switch page.outcome {
            case .knowsNoBackends(let status):
                return DoctorFinding(
                    .bad, "proxies", "The proxy of \(page.drone) answers \(status): it cannot read which backends there are.",
                    advice: "There: is db_path the same file for agent and proxy, and may both use it? journalctl -u plane-drone-proxy")
            // The name that is asked for is no backend's, so the proxy hands the request on where it is told to.
            case .answered(let status) where [502, 503, 504].contains(status):
                return DoctorFinding(
                    .bad, "proxies", "For names that are no backend's, the proxy of \(page.drone) answers \(status).",
                    advice: "There: does the address of proxy.passthrough or proxy.forward answer? journalctl -u plane-drone-proxy")
            case .answered: return nil
            case .silent:
                return DoctorFinding(
                    .bad, "proxies", "The proxy of \(page.drone) at \(page.address) takes a connection, and then says nothing.",
                    advice: "There: journalctl -u plane-drone-proxy. Does the address of proxy.passthrough or proxy.forward answer, if one is set?")
            case .failed(let reason, isRefused: true):
                return DoctorFinding(
                    .bad, "proxies", "No page from the proxy of \(page.drone) at \(page.address): \(reason).",
                    advice: "There: systemctl status plane-drone-proxy, and look at its log.")
            case .failed(let reason, isRefused: false):
                return DoctorFinding(
                    .bad, "proxies", "No page from the proxy of \(page.drone) at \(page.address): \(reason).",
                    advice: "Is that its address (agent.ip), and may this machine reach it? A firewall can keep us out and let visitors in.")
            }
        }
        guard wrong.isEmpty else { return wrong }
        return self.pages.isEmpty ? [] : [DoctorFinding(.good, "proxies", self.pages.count == 1 ? "It answers." : "All \(self.pages.count) answer.")]
    }

    var versionFindings: [DoctorFinding] {
        let drones = self.fleet.clusterNames.flatMap { self.livingDrones(in: $0) }.compactMap { drone in
            drone.metadata.map { (name: drone.id.rawValue, version: $0.version) }
        }
        let schedulers = self.schedulerVersions.map { (name: "A scheduler", version: $0) }
        let proxies = Set((self.tier ?? []).map { TierVersion(name: $0.proxy.rawValue, version: $0.version) }).map { (name: $0.name, version: $0.version) }
        let others = Dictionary(grouping: drones + schedulers + proxies, by: \.version).filter { $0.key != BuildInformation.version }
        guard !others.isEmpty else {
            let kinds = [("drones", drones.isEmpty), ("schedulers", schedulers.isEmpty), ("proxies of the tier", proxies.isEmpty)].filter { !$0.1 }.map { $0.0 }
            guard let last = kinds.last else { return [] }
            let all = kinds.count == 1 ? last : kinds.dropLast().joined(separator: ", ") + " and " + last
            return [DoctorFinding(.good, "versions", "All \(all) run \(BuildInformation.version), as this program is.")]
        }
        return others.sorted { $0.key < $1.key }.map { version, parts in
            let names = parts.map(\.name).sorted()
            return DoctorFinding(
                .notice, "versions", "\(Self.list(names)) run\(names.count == 1 ? "s" : "") \(version), this program is \(BuildInformation.version).",
                advice: "Both work together; upgrade when it suits you.")
        }
    }

    /// A proxy of several clusters is one process, which speaks of each.
    private struct TierVersion: Hashable {
        var name: String
        var version: String
    }

    var diskFindings: [DoctorFinding] {
        let tight = self.disks.filter { $0.value.isNearlyFull }.sorted { $0.key.rawValue < $1.key.rawValue }
        guard tight.isEmpty else {
            return tight.map { drone, disk in
                let share = disk.totalBytes == 0 ? 0 : Int(Double(disk.availableBytes) / Double(disk.totalBytes) * 100)
                return DoctorFinding(
                    disk.isFull ? .bad : .notice, "disks", "A disk of \(drone) has \(disk.availableBytes.asBytes) left (\(share) %).",
                    advice: "There: docker system df shows what images take, docker image prune --all frees it.")
            }
        }
        return self.disks.isEmpty ? [] : [DoctorFinding(.good, "disks", "There is room on all drones.")]
    }
}

extension DoctorReport.Disk {
    /// The fullest of a machine's disks; nil if it has reported none.
    init?(_ message: DroneStatsMessage) {
        let disks = zip(message.diskAvailableBytes, message.diskTotalBytes).filter { $0.1 > 0 }
        guard let fullest = disks.min(by: { Double($0.0) / Double($0.1) < Double($1.0) / Double($1.1) }) else { return nil }
        self.init(availableBytes: fullest.0, totalBytes: fullest.1)
    }
}
