package import NetworkAddresses
import PlaneProtocol

/// The name servers that Docker hands to its containers: those of this machine (resolv.conf(5)), without any on loopback, which are nobody's in
/// a container. Where systemd-resolved stands before them, its own list has them.
package enum NameServers {
    package static func ofThisMachine(read: (String) -> String? = KernelFile.text(of:)) -> [IPAddress] {
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
