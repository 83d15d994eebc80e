package import NetworkAddresses
import PlaneProtocol
import PlaneService

/// A network whose containers reach neither one another, nor this machine, nor the networks listed here.
///
/// Docker keeps the containers apart (`enable_icc`). Everything else is done by firewall rules, which only root can set up (`isolate-network`, the unit
/// `plane-isolation`). The rules refer to the bridge by its name, so they can exist before the bridge does, and remain after it is gone.
package struct IsolatedNetwork: Hashable, Sendable {
    /// The network's name in Docker, and the name of its bridge.
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
    /// It is in the table `mangle`, before the routing decision: there one chain sees both packets for this machine and packets that pass through it, before
    /// published ports are turned into containers' addresses. Connections that agent and proxy have made are let through by their state.
    /// - Parameter nameServers: servers that containers ask for names, wherever they are.
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

/// The name servers that Docker gives to its containers: those of this machine (resolv.conf(5)), except for addresses on loopback, which a container cannot
/// reach. If systemd-resolved is in between, they are taken from its own list.
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
