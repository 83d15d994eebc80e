#if canImport(Glibc)
package import Glibc
#endif

/// The layouts of `sockaddr_in` and `sockaddr_in6` (ip(7), ipv6(7)). No other code depends on them.
extension SocketEndpoint {
    private static let portOffset = 2
    private static let v4Offset = 4
    private static let v6Offset = 8

    /// - Parameter bytes: a `sockaddr_in`, a `sockaddr_in6`, or more bytes that begin with one of them; nil for any other family.
    package init?(sockaddr bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= MemoryLayout<sockaddr_in>.size else { return nil }
        let port = UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: Self.portOffset, as: UInt16.self))
        switch CInt(bytes.loadUnaligned(as: sa_family_t.self)) {
        case AF_INET:
            self.init(ip: .v4(UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: Self.v4Offset, as: UInt32.self))), port: port)
        case AF_INET6 where bytes.count >= MemoryLayout<sockaddr_in6>.size:
            self.init(
                ip: .v6(
                    high: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: Self.v6Offset, as: UInt64.self)),
                    low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: Self.v6Offset + 8, as: UInt64.self))), port: port)
        default:
            return nil
        }
    }

    /// The address to which a socket is bound; nil if it is not bound, or of another family.
    package init?(localEndOf descriptor: CInt) {
        guard let storage = Self.storage(localEndOf: descriptor) else { return nil }
        self.init(storage)
    }

    /// The address to which a socket is bound, as the kernel has it; nil if it is not bound.
    package static func storage(localEndOf descriptor: CInt) -> sockaddr_storage? {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
        }
        return result == 0 ? storage : nil
    }

    /// The peer's address as accept(2) returns it; nil if it is of another family.
    package init?(_ storage: sockaddr_storage) {
        guard let endpoint = withUnsafeBytes(of: storage, { SocketEndpoint(sockaddr: $0) }) else { return nil }
        self = endpoint
    }
}
