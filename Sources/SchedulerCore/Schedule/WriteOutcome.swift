/// The outcome of a write to the stream.
package enum WriteOutcome: Hashable, Sendable {
    /// Stored with this sequence.
    case stored(UInt64)
    /// Refused, because the last message on the subject is not the expected one.
    case conflict
    /// Not acknowledged, so it may be stored or not; with the reason in a few words.
    case failed(String)
}
