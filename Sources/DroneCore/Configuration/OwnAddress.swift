package import NetworkAddresses

/// Where visitors reach this drone: told by the configuration, or asked of a service that sees us from outside.
package enum OwnAddress: Hashable, Sendable {
    case literal(IPAddress)
    /// An HTTP service that answers with the address it sees us come from.
    case lookup(url: String)
}
