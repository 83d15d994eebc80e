package import NetworkAddresses
import PlaneProtocol

/// Where a container's HTTP server listens, as seen from the drone.
package struct ContainerAddress: Hashable, Sendable, CustomStringConvertible {
    package var ip: IPAddress
    package var port: UInt16

    package init(ip: IPAddress, port: UInt16) {
        self.ip = ip
        self.port = port
    }

    /// The address in the form of the route table: `172.17.0.2:8080`, `[2001:db8::7]:8080`.
    package var description: String {
        switch self.ip {
        case .v4: "\(self.ip):\(self.port)"
        case .v6: "[\(self.ip)]:\(self.port)"
        }
    }
}
