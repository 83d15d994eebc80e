import ClusterNames
import DNSCore
import NetworkAddresses
import PlaneProtocol

extension ClusterName {
    static let plane = ClusterName(rawValue: "plane.test")!
}

extension DroneID {
    static func make(_ id: String = "drone-a") -> DroneID { DroneID(rawValue: id)! }
}

extension BackendID {
    static func make(_ id: String = "one") -> BackendID { BackendID(rawValue: id)! }
}

extension IPAddress {
    static let v4 = IPAddress("203.0.113.7")!
    static let v6 = IPAddress("2001:db8::7")!
}

extension StateMessage {
    static func register(_ drone: String = "drone-a", _ ip: IPAddress = .v4, in cluster: ClusterName = .plane) -> Self {
        .cluster(cluster, .drone(DroneMessage(drone: .make(drone), change: .metadata(DroneMetadata(ip: ip, version: "0.4.0")))))
    }

    static func drone(_ state: DroneState, _ drone: String = "drone-a") -> Self {
        .cluster(.plane, .drone(DroneMessage(drone: .make(drone), change: .state(state, at: StateTime(milliseconds: 0)))))
    }

    static func assign(_ backend: String = "one", to drone: String = "drone-a", in cluster: ClusterName = .plane) -> Self {
        .cluster(cluster, .backend(BackendMessage(backend: .make(backend), change: .assignment(BackendAssignment(drone: .make(drone))))))
    }

    static func backend(_ state: BackendState, _ backend: String = "one") -> Self {
        .cluster(.plane, .backend(BackendMessage(backend: .make(backend), change: .state(state, at: StateTime(milliseconds: 0)))))
    }
}

/// The zones after some messages, one a second.
struct Zones {
    private var projection: ZoneProjection
    private(set) var table: ZoneTable
    private var sequence: UInt64 = 0

    init(_ settings: ZoneOptions = .make(), _ messages: StateMessage...) {
        var generator = SystemRandomNumberGenerator()
        self.table = ZoneTable(using: &generator)
        self.projection = ZoneProjection(settings: settings)
        for message in messages { self.append(message) }
    }

    mutating func append(_ message: StateMessage?, at seconds: Int64? = nil, incarnation: UInt64 = 0) {
        self.sequence += 1
        self.projection.apply(
            message, sequence: self.sequence, published: WireTime(seconds: seconds ?? Int64(self.sequence)), incarnation: incarnation,
            to: &self.table)
    }

    /// Reads a message at its place in the stream.
    mutating func read(_ message: StateMessage, at sequence: UInt64) {
        self.sequence = sequence - 1
        self.append(message)
    }

    mutating func purge(_ backend: String) {
        self.projection.purged(.make(backend), clusterToken: ClusterName.plane.subjectToken, in: &self.table)
    }

    mutating func delete(at sequence: UInt64) { self.projection.deleted(at: sequence, in: &self.table) }

    /// Counts from one again, as a stream does that was made again.
    mutating func beginAgain() { self.sequence = 0 }

    /// The data at a name; nil where there can be none, or that is not ours.
    func data(_ name: String) -> [RecordData]? {
        guard case .records(let set, _, _) = self.find(name) else { return nil }
        return set.data
    }

    func find(_ name: String) -> ZoneLookup {
        let wire = DNSName(name)!.wire
        return self.table.find(wire.span)
    }
}

extension ZoneOptions {
    static func make(nameServers: [NameServer] = [NameServer(name: DNSName("ns1.plane.test")!, addresses: [.v4])]) -> ZoneOptions {
        var settings = ZoneOptions()
        settings.nameServers = nameServers
        settings.mailbox = DNSName(mailbox: "host.master@plane.test")
        return settings
    }
}
