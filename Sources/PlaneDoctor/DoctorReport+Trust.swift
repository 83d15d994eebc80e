import NATS
import PlaneProtocol
import PlaneService
import PlaneState

/// Who may speak for whom.
extension DoctorReport {
    /// Made by schedulers that accept no peers of 0.3 (`scheduler.accepts_legacy_peers`).
    private static let streamWithoutLegacy = "plane_secrets"

    /// A notice where nothing old is in sight and what is only there for the old is still accepted.
    var trustFindings: [DoctorFinding] {
        let versions = self.fleet.clusterNames.flatMap { self.livingDrones(in: $0) }.compactMap(\.metadata?.version)
        guard !self.allStreams.isEmpty, !versions.isEmpty, versions.allSatisfy({ $0 == BuildInformation.version }) else { return [] }
        guard self.allStreams.contains(where: { $0.name == Self.streamWithoutLegacy }) else {
            return [
                DoctorFinding(
                    .notice, "trust",
                    "Schedulers also take the word of drones of 0.3, on subjects that do not say who speaks, and all drones are newer: a stolen one can speak for all.",
                    advice: "If no program of 0.3 is left: scheduler.accepts_legacy_peers = false, agent.serves_legacy_readers = false, and the users of "
                        + "dev/config/nats-server.conf.")
            ]
        }
        return [DoctorFinding(.good, "trust", "Drones speak for themselves only.")]
    }
}
