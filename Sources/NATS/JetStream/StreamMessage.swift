package import UTCTime

/// One message of a stream, with its place in it.
package struct StreamMessage: Sendable, Hashable {
    package var subject: String
    package var payload: [UInt8]
    /// The message's number in the stream.
    package var sequence: UInt64
    /// When the stream stored the message.
    package var published: UTCInstant
    /// How many messages follow this one, among those that match the filter and were there when the consumer was made: 0 means that the reader has caught up.
    package var pending: UInt64
    /// How often the stream was found to be another one with the same name (deleted and made again) since the consumer was made. Sequences begin anew then,
    /// and readers that keep state begin with an empty one.
    package var streamIncarnation: UInt64
}
