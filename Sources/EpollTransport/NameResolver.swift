package import NIOCore
import Dispatch
import NetworkAddresses

#if canImport(Glibc)
import Glibc
#endif

/// Asks the system for the addresses of a name (getaddrinfo(3)), on threads that this may block.
///
/// Each name is assigned to a thread, so that a name whose servers do not answer delays only those on the same thread.
package final class NameResolver: Sendable {
    package struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
        package var description: String
        /// Whether it says nothing about the name: no resolver has answered, it has refused to, or this machine is short of something. A resolver's answer that does not come in
        /// time is such a failure, too.
        package var isTemporary = false

        package init(description: String, isTemporary: Bool = false) {
            self.description = description
            self.isTemporary = isTemporary
        }

        /// - Parameter code: as `getaddrinfo` returns it.
        package init(of host: String, code: CInt) {
            self.description = "\(host): \(String(cString: gai_strerror(code)))"
            self.isTemporary = [EAI_AGAIN, EAI_FAIL, EAI_MEMORY, EAI_SYSTEM].contains(code)
        }
    }

    private let ask: @Sendable (_ host: String, _ port: Int) -> Result<[SocketAddress], Failure>

    /// - Parameter ask: called on a thread that it may block; by default asks the system.
    package init(asking ask: @escaping @Sendable (_ host: String, _ port: Int) -> Result<[SocketAddress], Failure> = { NameResolver.ask($0, port: $1) }) {
        self.ask = ask
    }

    package static let shared = NameResolver()

    /// The number of threads. Each only exists while it has something to do.
    private static let laneCount = 16

    private let lanes = (0..<laneCount).map { DispatchQueue(label: "names-\($0)") }

    /// The address if `host` is an IP address, so that no query is needed.
    package static func literal(_ host: String, port: Int) -> SocketAddress? {
        try? SocketAddress(ipAddress: host, port: port)  // fails for a name
    }

    /// - Parameter body: called on one of the resolver's threads. On success there is at least one address, IPv4 first: servers that listen on one kind only
    ///   mostly listen on that.
    package func resolve(_ host: String, port: Int, _ body: @escaping @Sendable (Result<[SocketAddress], Failure>) -> Void) {
        if let address = Self.literal(host, port: port) { return body(.success([address])) }
        self.lanes[Int(host.utf8.reduce(5381 as UInt32) { $0 &* 33 &+ UInt32($1) }) % Self.laneCount].async {
            body(self.ask(host, port))
        }
    }

    /// Asks the system on this thread, which may block.
    package static func ask(_ host: String, port: Int) -> Result<[SocketAddress], Failure> {
        var hints = addrinfo()
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, nil, &hints, &list)
        guard code == 0 else { return .failure(Failure(of: host, code: code)) }
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
