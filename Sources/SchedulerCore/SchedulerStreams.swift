package import NATS
package import PlaneService
import WorldFollowing

/// The streams of a cluster. Schedulers create them, and keep their replicas and age limits as configured; everything else about a stream
/// that exists is left as its operator wants it.
package enum SchedulerStreams {
    package static let planeState = WorldStream.name
    package static let backendStatus = "backend_status"
    /// Who does the work that one scheduler is enough for; see `Lease`.
    static let leases = "plane_leases"
    static let leaseDuration: Duration = .seconds(30)

    /// Agents publish to `backend_logs` without waiting for an answer, and what is lost there is no loss to the system: one copy.
    package static func all(_ configuration: SchedulerConfiguration) -> [StreamConfiguration] {
        let (replicas, history) = (configuration.replicas, configuration.historyRetention)
        return [
            // The shared memory: the last message of each subject.
            StreamConfiguration(name: self.planeState, subjects: ["state.>"], maxMessagesPerSubject: 1, replicas: replicas),
            StreamConfiguration(name: "backend_logs", subjects: ["backend.*.log"], maxMessagesPerSubject: 500, maxAge: history),
            StreamConfiguration(name: self.backendStatus, subjects: ["backend.*.status"], maxAge: history, replicas: replicas),
            // Sealed certificates and who orders them (`CertificateCore`): the last message of each subject.
            StreamConfiguration(name: "plane_certificates", subjects: ["certificate.>"], maxMessagesPerSubject: 1, replicas: replicas),
            // Read by nobody today; older agents still publish there.
            StreamConfiguration(name: "dns_record", subjects: ["cluster.*.dns.*"], maxAge: .seconds(60)),
            // A lease is over when the server has forgotten the message: its clock decides, and none of ours.
            StreamConfiguration(
                name: self.leases, subjects: ["lease.>"], maxMessagesPerSubject: 1, maxAge: self.leaseDuration, replicas: replicas),
        ]
    }
}
