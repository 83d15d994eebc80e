import EpollTransport
import NIOCore

/// Asks this machine's resolver, like a browser on this machine.
enum AddressLookup {
    /// The addresses of a host name as text; empty if it has none, or the resolver does not answer.
    static func addresses(of host: String) async -> [String] {
        await withCheckedContinuation { continuation in
            NameResolver.shared.resolve(host, port: 0) { result in
                continuation.resume(returning: ((try? result.get()) ?? []).compactMap(\.ipAddress))
            }
        }
    }
}
