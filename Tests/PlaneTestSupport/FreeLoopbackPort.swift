import Glibc
import Synchronization

/// A port on 127.0.0.1 that nobody uses, for a server that is yet to start, and may be stopped and started again.
///
/// Below the ports that the kernel gives to outgoing connections (ip_local_port_range, 32768 and up): while a server of a test is away, a
/// connection of another test would sometimes be given its port, and the server could not come back. Each is handed out once by a process.
package func freeLoopbackPort() throws -> UInt16 {
    for _ in 0..<1000 {
        let port = UInt16.random(in: 16_384..<32_768)
        let isNew = handedOut.withLock { $0.insert(port).inserted }
        if isNew, isFree(port) { return port }
    }
    throw LoopbackConnection.Failure(description: "no free port below 32768")
}

private let handedOut = Mutex<Set<UInt16>>([])

private func isFree(_ port: UInt16) -> Bool {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    defer { close(socket) }
    // A program that another thread is just starting has a copy of this socket for a moment. With SO_REUSEADDR on both, the server that
    // the port is for does not mind; neither does it mind what connections of an earlier run have left behind.
    var isOn: CInt = 1
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &isOn, socklen_t(MemoryLayout<CInt>.size))
    var address = loopbackAddress(port: port)
    return withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0 }
    }
}
