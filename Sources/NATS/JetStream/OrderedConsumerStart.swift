/// Where in its stream an ordered consumer begins.
package enum OrderedConsumerStart: Sendable, Hashable {
    /// With the oldest message there is.
    case first
    /// With what is published from now on.
    case new
    /// With the message of this number, or the next one that exists.
    case sequence(UInt64)
}
