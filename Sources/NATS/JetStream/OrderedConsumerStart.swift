/// Where in its stream an ordered consumer begins.
package enum OrderedConsumerStart: Sendable, Hashable {
    /// With the oldest message in the stream.
    case first
    /// With messages published from now on.
    case new
    /// With the message with this sequence, or the next one that exists.
    case sequence(UInt64)
}
