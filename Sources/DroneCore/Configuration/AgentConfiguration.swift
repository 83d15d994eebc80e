package import ConfigurationReading
import NetworkAddresses
package import PlaneProtocol

/// Settings of the agent (table `agent`).
package struct AgentConfiguration: Hashable, Sendable {
    package var ip: OwnAddress
    package var endpoint = PublicEndpoint()
    package var docker = DockerConfiguration()
    /// If its port has not answered this long after its start, a backend has failed. Long enough for a runtime that warms up.
    package var readyTimeout: Duration = .seconds(30)
    /// From asking a container to end to killing it; Docker's own default.
    package var stopTimeout: Duration = .seconds(10)
    /// How long there is no traffic until a backend's container is frozen; nil for never.
    package var holdIdle: Duration?
    /// How many backends run at once; nil for no limit.
    package var maxBackends: UInt32?
    /// How many networks are kept ready for the next backends, where Docker and the kernel allow that; 0 for none.
    package var sandboxes: UInt32 = 8
    /// Images of which containers run already when backends are asked for.
    package var parked: [ParkedImageConfiguration] = []
    /// Images that are parked because they were asked for.
    package var parkedLearned = ParkedLearningConfiguration()
    /// Patterns of the images this drone runs; none for all.
    package var images: [String] = []
    /// Whether logs and statistics of backends are published where readers of 0.3.24 look for them: on subjects that do not name the drone.
    package var servesLegacyReaders = true
    /// The pool of drones that this one belongs to; by default the pool without a name.
    package var pool = PoolName.unnamed
    /// The directory with the directories that outlive their backends, as an absolute path; nil if requests may not ask for such directories.
    package var mountBase: String?
    /// Whether operators may run programs in the containers of backends, copy files, and read the requests with which backends were made.
    package var allowsExec = true

    package init(ip: OwnAddress) {
        self.ip = ip
    }
}

extension AgentConfiguration: ConfigReadable {
    /// An hour, since nobody waits longer for a page.
    private static let longestTimeoutSeconds: Int64 = 3600

    /// A year. Nobody means to freeze a backend after that.
    private static let longestHoldSeconds: Int64 = 365 * 24 * 3600

    /// Each takes one of the 65 534 addresses of a network that Docker makes. A drone that starts more backends at once waits for the processor anyway.
    private static let mostSandboxes: UInt32 = 1000

    package init?(_ reader: inout ConfigReader) {
        var draft = AgentConfiguration(ip: .literal(.v4(0)))
        let ip = Self.address(&reader)
        draft.endpoint.scheme = reader.optional(
            "public_scheme", .choice(), "How visitors reach this drone's proxy, for the URLs that plane and 0.3's HTTP interface tell; \"https\" if not set.")
        draft.endpoint.port = reader.optional(
            "public_port", .publicPort,
            "By which port they do; that of cluster_domain if not set, or 443 for https and 80 for http where it has none.")
        draft.docker = reader.section("docker") { DockerConfiguration(&$0) } ?? draft.docker
        reader.read(
            "ready_timeout_secs", .seconds(1...Self.longestTimeoutSeconds), into: &draft.readyTimeout,
            "Seconds within which a started backend must answer HTTP on its port.")
        reader.read(
            "stop_timeout_secs", .seconds(0...Self.longestTimeoutSeconds), into: &draft.stopTimeout,
            "Seconds a container is given to end by itself before it is killed.")
        draft.holdIdle = reader.optional(
            "hold_idle_secs", .seconds(1...Self.longestHoldSeconds),
            "Seconds without traffic after which a backend's container is frozen until somebody sends something, if its request names none; never if not set.")
        draft.maxBackends = reader.optional("max_backends", .count, "Most backends this drone runs at once; no limit if not set.")
        reader.read(
            "sandboxes", .number(0...Self.mostSandboxes), into: &draft.sandboxes,
            "Networks kept ready for the next backends, which start in half the time then, 5 MiB and an address of the backends' network each; 0 for none.")
        draft.parked = reader.list("parked") { ParkedImageConfiguration(&$0) }
        draft.parkedLearned = reader.section("parked_learned") { ParkedLearningConfiguration(&$0) } ?? draft.parkedLearned
        draft.images =
            reader.optional(
                "images", .list(of: .string),
                "Patterns of the images this drone runs, such as ghcr.io/acme/*; all if not set. * is anything but a slash, ** anything.")
            ?? draft.images
        reader.read(
            "serves_legacy_readers", .boolean, into: &draft.servesLegacyReaders,
            "Publish log lines and statistics on the subjects of 0.3, on which each drone can speak for any backend; false: on subjects that name the drone.")
        reader.read(
            "pool", .pool, into: &draft.pool,
            "Pool of drones that this one is in. Requests that name it come here, and no others do; requests that name none go to drones without.")
        draft.mountBase = reader.optional(
            "mount_base", .mountBase,
            "Directory below which requests get directories that outlive their backends; requests for such are refused if not set.")
        reader.read(
            "exec", .boolean, into: &draft.allowsExec,
            "Let operators run programs in the containers of backends (plane exec, shell, cp, restart); false refuses that, whoever asks.")
        reader.unused("drone_id", reason: "the drone's id is the top-level key drone_id")
        guard let ip else { return nil }
        draft.ip = ip
        self = draft
    }

    private static func address(_ reader: inout ConfigReader) -> OwnAddress? {
        var address: OwnAddress?
        if !reader.isTable("ip") {
            address = reader.required("ip", .ipAddress, "Address on which visitors reach this drone's proxy.").map { .literal($0) }
        }
        if reader.isTable("ip") || reader.purpose == .describing {
            address = reader.table("ip") { table in
                table.required("api", .httpURL, "In place of the address: a URL which answers with it.").map { .lookup(url: $0) }
            }
        }
        return address
    }
}
