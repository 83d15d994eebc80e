import Glibc
package import NetworkAddresses
import NIOCore

/// A socket that a service cannot listen on, with what a person needs to change that.
package struct ListeningFailure: Error, CustomStringConvertible {
    /// `cannot answer DNS on 0.0.0.0:53 (dns.bind_ip, dns.port): Address already in use; …`
    package let description: String

    /// - Parameters:
    ///   - purpose: As in "answer DNS".
    ///   - keys: Of the configuration, that say where.
    ///   - usualHolder: What listens there on many machines; nil where there is none.
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
