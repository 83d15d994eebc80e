package import NIOCore
package import NetworkAddresses

#if canImport(Glibc)
import Glibc
#endif

/// The address of a connection's peer, as the kernel gives it.
package struct PeerAddress {
    let storage: sockaddr_storage

    /// The IP address without the port; nil for another family.
    package var ip: IPAddress? { SocketEndpoint(self.storage)?.ip }

    package var socketAddress: SocketAddress? {
        withUnsafeBytes(of: self.storage) { bytes in
            switch CInt(self.storage.ss_family) {
            case AF_INET: SocketAddress(bytes.loadUnaligned(as: sockaddr_in.self))
            case AF_INET6: SocketAddress(bytes.loadUnaligned(as: sockaddr_in6.self))
            default: nil
            }
        }
    }
}

extension SocketAddress {
    /// The address to which a socket is bound; nil if it is not bound, or of another family.
    package init?(localEndOf descriptor: CInt) {
        guard let storage = SocketEndpoint.storage(localEndOf: descriptor), let address = PeerAddress(storage: storage).socketAddress else { return nil }
        self = address
    }
}
