package import NetworkAddresses

/// The address at which visitors reach this drone: configured, or found by asking a service outside.
package enum OwnAddress: Hashable, Sendable {
    case literal(IPAddress)
    /// An HTTP service that answers with the address from which the request comes.
    case lookup(url: String)
}
