import ConfigurationReading
package import NetworkAddresses
import PlaneProtocol

/// What containers cannot reach (in table `agent.docker`). By default there is no restriction, since backends on a drone of an older installation may rely on
/// their neighbours and on services of the machine.
package struct ContainerIsolation: Hashable, Sendable {
    /// Whether the agent makes the network of the containers itself; then containers reach neither one another nor this machine.
    package var isOn = false
    /// What containers reach nevertheless: services of this machine, or of the networks below.
    package var reachable: [SocketEndpoint] = []
    /// Networks that containers do not reach. In clouds a machine reads its own secrets at 169.254.169.254.
    package var unreachable = [IPv4Network("169.254.0.0/16")].compactMap(\.self)

    /// The name of the network where the file gives none.
    package static let standardNetwork = "plane"
    /// The bridge has the name of its network, and the kernel limits names of interfaces to 15 bytes (IFNAMSIZ less one).
    private static let longestName = 15

    package init() {}

    mutating func read(_ reader: inout ConfigReader, network: String?) {
        reader.read(
            "isolate", .boolean, into: &self.isOn,
            "Make a network for the backends on which they reach neither one another nor this machine; the name of it is network, or plane.")
        self.reachable =
            reader.optional(
                "reachable", .list(of: .endpoint, mayBeEmpty: true),
                "With isolate: services of this machine, or of unreachable, that backends reach nevertheless, TCP and UDP.")
            ?? []
        reader.read(
            "unreachable", .ipv4Networks, into: &self.unreachable,
            "With isolate: networks beyond this machine that backends do not reach; clouds tell a machine's secrets at 169.254.169.254.")
        guard self.isOn else { return }
        if let network, !Self.isInterfaceName(network) {
            reader.mistake(
                "network", found: TOMLText.quoted(network),
                expectation: "with isolate, a name of at most \(Self.longestName) letters, digits, '.', '_' and '-', for the bridge has it too")
        }
        if let index = self.reachable.firstIndex(where: { !$0.ip.isVersion4 }) {
            reader.mistake(
                "reachable", ConfigFault(.string(self.reachable[index].description), element: index),
                expectation: "IPv4 addresses with a port: the network has no IPv6")
        }
    }

    private static func isInterfaceName(_ text: String) -> Bool {
        let first = text.utf8.first
        return text.utf8.count <= self.longestName && first != UInt8(ascii: ".") && first != UInt8(ascii: "-")
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                    UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }
}

extension IPAddress {
    fileprivate var isVersion4: Bool {
        if case .v4 = self { return true }
        return false
    }
}
