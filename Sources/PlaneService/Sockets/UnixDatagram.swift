#if canImport(Glibc)
import Glibc
#endif

/// Sends datagrams to a Unix socket, as systemd's manager and journal take them.
enum UnixDatagram {
    /// Sends one datagram, without waiting.
    /// - Parameter path: the socket's path; a name that begins with "@" is in the abstract namespace (unix(7)).
    /// - Returns: 0, or the number of the error.
    static func send(_ bytes: [UInt8], to path: String) -> CInt {
        let socket = Glibc.socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { return errno }
        defer { close(socket) }
        return self.send(bytes, to: path, through: socket, flags: 0)
    }

    /// Sends one datagram through an existing socket, with the flags of send(2).
    static func send(_ bytes: [UInt8], to path: String, through socket: CInt, flags: CInt) -> CInt {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var name = Array(path.utf8)
        guard let first = name.first, name.count < MemoryLayout.size(ofValue: address.sun_path) else { return EINVAL }
        if first == UInt8(ascii: "@") { name[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
        let sent = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(socket, bytes, bytes.count, CInt(MSG_NOSIGNAL) | flags, $0, length)
            }
        }
        return sent < 0 ? errno : 0
    }
}
