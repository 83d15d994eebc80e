package import NIOCore
import Dispatch
import NetworkAddresses

#if canImport(Glibc)
import Glibc
#endif

/// Asks the system what the addresses of a name are (getaddrinfo(3)), on threads that may be blocked by that.
///
/// A name has its thread, so that one whose servers do not answer keeps only those waiting that share it.
package final class NameResolver: Sendable {
    package struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
        package var description: String
    }

    package static let shared = NameResolver()

    /// Threads exist only while they have something to do.
    private static let laneCount = 16

    private let lanes = (0..<laneCount).map { DispatchQueue(label: "names-\($0)") }

    /// An address that needs nobody to be asked.
    package static func literal(_ host: String, port: Int) -> SocketAddress? {
        try? SocketAddress(ipAddress: host, port: port)  // fails for a name
    }

    /// - Parameter body: Called on one of the resolver's threads. There is at least one address, those of IPv4 first: servers that listen on
    ///   one kind only mostly listen on that.
    package func resolve(_ host: String, port: Int, _ body: @escaping @Sendable (Result<[SocketAddress], Failure>) -> Void) {
        if let address = Self.literal(host, port: port) { return body(.success([address])) }
        self.lanes[Int(host.utf8.reduce(5381 as UInt32) { $0 &* 33 &+ UInt32($1) }) % Self.laneCount].async {
            body(Self.ask(host, port: port))
        }
    }

    /// Blocks.
    package static func ask(_ host: String, port: Int) -> Result<[SocketAddress], Failure> {
        var hints = addrinfo()
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, nil, &hints, &list)
        guard code == 0 else { return .failure(Failure(description: "\(host): \(String(cString: gai_strerror(code)))")) }
        defer { freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var entry = list
        while let current = entry {
            entry = current.pointee.ai_next
            guard let raw = current.pointee.ai_addr else { continue }
            let bytes = UnsafeRawBufferPointer(start: raw, count: Int(current.pointee.ai_addrlen))
            guard let endpoint = SocketEndpoint(sockaddr: bytes), let address = Self.literal(endpoint.ip.description, port: port) else { continue }
            if !addresses.contains(address) { addresses.append(address) }
        }
        if addresses.isEmpty { return .failure(Failure(description: "\(host): has no address")) }
        return .success(addresses.filter { $0.protocol == .inet } + addresses.filter { $0.protocol != .inet })
    }
}
