/// What became of a write to the stream.
package enum WriteOutcome: Hashable, Sendable {
    /// Stored at this place.
    case stored(UInt64)
    /// Refused, because another message stands where none, or another one, was expected.
    case conflict
    /// Not acknowledged; it may be stored or not. In a few words, why.
    case failed(String)
}
