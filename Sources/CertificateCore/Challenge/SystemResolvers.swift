import Foundation
package import NetworkAddresses
import PlaneProtocol

/// The resolvers of this machine, as `/etc/resolv.conf` names them.
package enum SystemResolvers {
    /// As many as the C library takes (resolv.conf(5)).
    private static let limit = 3

    package static func addresses() -> [SocketEndpoint] {
        // If the file is missing, the C library asks this machine.
        self.read((try? String(contentsOf: URL(filePath: "/etc/resolv.conf"), encoding: .utf8)) ?? "nameserver 127.0.0.1")
    }

    static func read(_ text: String) -> [SocketEndpoint] {
        let addresses = text.split(whereSeparator: \.isNewline).compactMap { line -> IPAddress? in
            let words = line.split(whereSeparator: \.isWhitespace)
            // An address with a zone (fe80::1%eth0) cannot be represented here, so it is skipped.
            return words.count >= 2 && words[0] == "nameserver" ? IPAddress(String(words[1])) : nil
        }
        return addresses.prefix(self.limit).map { SocketEndpoint(ip: $0, port: 53) }
    }
}
