package import NetworkAddresses
import PlaneProtocol
import PlaneService

/// A network whose containers reach neither one another, nor this machine, nor the networks named here.
///
/// Docker keeps containers apart (`enable_icc`). Against everything else there are rules of the firewall, which root has to set up
/// (`isolate-network`, the unit `plane-isolation`): they are known by the name of the bridge, so they can be there before the bridge is, and
/// outlive it.
package struct IsolatedNetwork: Hashable, Sendable {
    /// Also the bridge's.
    package var name: String
    package var reachable: [SocketEndpoint]
    package var unreachable: [IPv4Network]

    package init(name: String, reachable: [SocketEndpoint] = [], unreachable: [IPv4Network] = []) {
        self.name = name
        self.reachable = reachable
        self.unreachable = unreachable
    }

    /// The chain of this network, as iptables-restore(8) reads it.
    ///
    /// It is in the table `mangle`, before the routing decision: one place for what is for this machine and what passes through it, and before
    /// published ports are turned into containers' addresses. The connections that agent and proxy make are let through by their state.
    /// - Parameter nameServers: Whom containers ask for names, wherever those are.
    package func rules(nameServers: [IPAddress]) -> String {
        let chain = "PLANE-\(self.name)"
        var lines = ["# bridge \(self.name)", "*mangle", ":\(chain) - [0:0]"]
        lines.append("-A \(chain) -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN")
        let passes = nameServers.map { ($0, UInt16(53)) } + self.reachable.map { ($0.ip, $0.port) }
        for (address, port) in passes {
            guard case .v4 = address else { continue }
            for transport in ["tcp", "udp"] { lines.append("-A \(chain) -d \(address)/32 -p \(transport) --dport \(port) -j RETURN") }
        }
        lines += self.unreachable.map { "-A \(chain) -d \($0) -j DROP" }
        lines += ["LOCAL", "BROADCAST", "MULTICAST"].map { "-A \(chain) -m addrtype --dst-type \($0) -j DROP" }
        lines.append("COMMIT")
        return lines.joined(separator: "\n") + "\n"
    }
}

/// The name servers that Docker hands to its containers: those of this machine (resolv.conf(5)), without any on loopback, which are nobody's in
/// a container. Where systemd-resolved stands before them, its own list has them.
package enum NameServers {
    package static func ofThisMachine(read: (String) -> String? = ProcFile.text(of:)) -> [IPAddress] {
        for path in ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"] {
            let servers = self.addresses(in: read(path) ?? "")
            if !servers.isEmpty { return servers }
        }
        return []
    }

    private static func addresses(in text: String) -> [IPAddress] {
        text.split(whereSeparator: \.isNewline).compactMap { line in
            let words = line.split(whereSeparator: \.isWhitespace)
            guard words.count >= 2, words[0] == "nameserver", let address = IPAddress(String(words[1])) else { return nil }
            if case .v4(let number) = address, number >> 24 == 127 { return nil }
            return address
        }
    }
}
