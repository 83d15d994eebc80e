package import UTCTime

/// One message of a stream, with its place in it.
package struct StreamMessage: Sendable, Hashable {
    package var subject: String
    package var payload: [UInt8]
    /// Its number in the stream.
    package var sequence: UInt64
    /// When the stream took it.
    package var published: UTCInstant
    /// Messages of the stream, matching the filter, that follow this one, as far as they were there when the consumer was made: 0 means
    /// the reader has caught up.
    package var pending: UInt64
    /// How often the stream itself was found to be another one under the same name (deleted and made again) since the
    /// consumer was made. Sequences begin anew with each; who keeps state starts again from nothing.
    package var streamIncarnation: UInt64
}
