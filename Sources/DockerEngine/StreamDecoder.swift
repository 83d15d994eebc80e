package import NIOCore

/// Turns the bytes of an endless reply into values. No IO: bytes in any portions in, values out.
package protocol StreamDecoder: Sendable {
    associatedtype Element: Sendable

    /// Takes the next bytes; returns what they complete.
    mutating func feed(_ bytes: ByteBuffer) throws(StreamError) -> [Element]
    /// The stream has ended in order; returns what was waiting for more.
    mutating func finish() throws(StreamError) -> [Element]
}

/// Why a stream cannot be read on.
package enum StreamError: Error, Hashable {
    /// Not what the API promises.
    case malformed(String)
    /// One element is larger than we are willing to hold.
    case tooLarge(limitBytes: Int)
    /// The daemon says, inside the stream, that it failed.
    case daemonFailed(String)
}
