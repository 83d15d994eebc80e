import Dispatch
import Glibc

/// Asks this machine's resolver, like a browser on this machine.
enum AddressLookup {
    /// The addresses of a host name as text; empty if it has none, or the resolver does not answer.
    static func addresses(of host: String) async -> [String] {
        await withCheckedContinuation { continuation in
            // getaddrinfo(3) blocks, possibly for half a minute.
            DispatchQueue.global().async { continuation.resume(returning: self.blockingAddresses(of: host)) }
        }
    }

    private static func blockingAddresses(of host: String) -> [String] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, &hints, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        var addresses: [String] = []
        var next = list
        while let entry = next?.pointee {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            if getnameinfo(entry.ai_addr, entry.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0 {
                addresses.append(String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self))
            }
            next = entry.ai_next
        }
        return addresses
    }
}
