import Glibc
package import NetworkAddresses
import NIOCore

/// Why a service cannot listen on a socket, and what a person can do about it.
package struct ListeningError: Error, CustomStringConvertible {
    /// Such as `cannot answer DNS on 0.0.0.0:53 (dns.bind_ip, dns.port): Address already in use; …`.
    package let description: String

    /// - Parameters:
    ///   - purpose: such as "answer DNS".
    ///   - keys: the configuration's keys with the address.
    ///   - usualHolder: the program that uses this port on many machines; nil if there is none.
    package init(_ error: any Error, to purpose: String, on endpoint: SocketEndpoint, keys: [String], usualHolder: String? = nil) {
        let code = (error as? IOError)?.errnoCode
        let reason = code.map { String(cString: strerror($0)) } ?? "\(error)"
        let hint: String? =
            switch code {
            case EADDRINUSE: usualHolder ?? "another program listens there, see ss -lntup"
            case EACCES: "ports below 1024 need root or the capability CAP_NET_BIND_SERVICE"
            case EADDRNOTAVAIL: "this machine has no such address"
            default: nil
            }
        self.description =
            "cannot \(purpose) on \(endpoint) (\(keys.joined(separator: ", "))): \(reason)" + (hint.map { "; \($0)" } ?? "")
    }
}
