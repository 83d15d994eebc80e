/// Zones in memory, with host names that are added and removed.
///
/// The zones are flat: apart from a few names that are set with the zone, host names are one label below its origin. So names with more labels, and labels
/// that are no host names (RFC 1123 §2.1), can never exist (NXDOMAIN). Every other name may be added at any time; until then it is answered without records,
/// or with those that the zone has for all hosts.
///
/// Many names share one node, which is the set of records of one machine. Changing a node changes the answers for all of its names at once.
package struct ZoneTable: Sendable {
    /// A set of records that names can be bound to.
    package struct NodeID: Hashable, Sendable {
        fileprivate let index: UInt32
    }

    private struct Node {
        var zone: Zone
        var records: RecordSet
        /// Index of the zone in the list of zones.
        var zoneIndex: Int
        /// Whether the node was set with its zone, so that no host can take its name.
        var isReserved: Bool
    }

    private var zones: [Zone] = []
    /// The serial of each zone. Whoever changes zones sets it (RFC 1034 §4.3.5).
    private var serials: [UInt32] = []
    private var origins: NameTable
    private var names: NameTable
    private var nodes: [Node] = []

    /// Serial of a zone without hosts, the same in all servers. Not 0, which some tools report as an error.
    private static let initialSerial: UInt32 = 1

    package init(using generator: inout some RandomNumberGenerator) {
        self.origins = NameTable(seed: generator.next())
        self.names = NameTable(seed: generator.next())
    }

    package var zoneCount: Int { self.zones.count }
    package var nameCount: Int { self.names.count }

    // MARK: Changing

    /// Adds a zone, unless it is there already. Zones are never removed.
    ///
    /// - Parameter fixed: the records of names that no host can have: the origin and some names below it.
    package mutating func add(_ zone: Zone, fixed: [(name: DNSName, records: RecordSet)]) {
        guard self.origins.find(zone.origin) == nil else { return }
        self.origins.set(zone.origin, to: UInt32(self.zones.count))
        self.zones.append(zone)
        self.serials.append(Self.initialSerial)
        let fixed = fixed.contains { $0.name == zone.origin } ? fixed : fixed + [(zone.origin, .empty)]
        for (name, records) in fixed where name.isWithin(zone.origin) {
            self.nodes.append(Node(zone: zone, records: records, zoneIndex: self.zones.count - 1, isReserved: true))
            self.names.set(name, to: UInt32(self.nodes.count - 1))
        }
    }

    package func hasZone(_ origin: DNSName) -> Bool { self.origins.find(origin) != nil }

    /// Replaces the records of a name that was set with its zone.
    package mutating func replaceFixed(_ name: DNSName, _ records: RecordSet) {
        guard let index = self.names.find(name), self.nodes[Int(index)].isReserved else { return }
        self.replace(NodeID(index: index), records)
    }

    /// Adds a set of records that names can be bound to; nil if there is no such zone. Nodes are few, and never removed.
    package mutating func addNode(in origin: DNSName, _ records: RecordSet) -> NodeID? {
        guard let zone = self.origins.find(origin) else { return nil }
        self.nodes.append(Node(zone: self.zones[Int(zone)], records: records, zoneIndex: Int(zone), isReserved: false))
        return NodeID(index: UInt32(self.nodes.count - 1))
    }

    package mutating func replace(_ node: NodeID, _ records: RecordSet) {
        self.nodes[Int(node.index)].records = records
    }

    package mutating func setSerial(_ serial: UInt32, of origin: DNSName) {
        guard let zone = self.origins.find(origin) else { return }
        self.serials[Int(zone)] = serial
    }

    /// Binds the name to the node: it is answered with the node's records from now on.
    package mutating func bind(_ name: DNSName, to node: NodeID) {
        guard !self.isReserved(name) else { return }
        self.names.set(name, to: node.index)
    }

    /// Removes the name from its node: it has no records from now on.
    package mutating func unbind(_ name: DNSName) {
        guard !self.isReserved(name) else { return }
        self.names.remove(name)
    }

    private func isReserved(_ name: DNSName) -> Bool {
        self.names.find(name).map { self.nodes[Int($0)].isReserved } ?? false
    }

    // MARK: Finding

    package func find(_ name: Span<UInt8>) -> ZoneLookup {
        if let index = self.names.find(name) {
            let node = self.nodes[Int(index)]
            return .records(node.records, node.zone, serial: self.serials[node.zoneIndex])
        }
        // The lowest zone that contains the name.
        var position = 0
        while position < name.count, name[position] != 0 {
            position += 1 + Int(name[position])
            guard position < name.count, let zone = self.origins.find(name.extracting(position..<name.count)) else { continue }
            let isHost = position == 1 + Int(name[0]) && Self.isHostLabel(name.extracting(1..<position))
            let serial = self.serials[Int(zone)]
            return isHost
                ? .records(self.zones[Int(zone)].hosts, self.zones[Int(zone)], serial: serial) : .impossible(self.zones[Int(zone)], serial: serial)
        }
        return .outside
    }

    private static func isHostLabel(_ label: Span<UInt8>) -> Bool {
        for index in 0..<label.count {
            switch label[index].lowercasedASCII {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): continue
            case UInt8(ascii: "-") where index > 0 && index < label.count - 1: continue
            default: return false
            }
        }
        return true
    }
}
