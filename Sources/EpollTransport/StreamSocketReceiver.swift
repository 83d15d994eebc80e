package import NIOCore

/// Whoever a ``StreamSocket`` speaks to. Called on its loop's thread only, and never from within a call to the socket, except for
/// ``socketBecameWritable()``, ``socketOutputClosed()`` and ``socketClosed(_:)``.
package protocol StreamSocketReceiver: AnyObject {
    /// A socket that was asked for a connection has it.
    func socketConnected()
    /// Bytes have come. The buffer is the loop's: what is kept of it beyond ``socketReadCompleted()`` should be copied if it is little
    /// (see ``NIOCore/ByteBuffer/compacted()``), since it holds all of the buffer.
    func socketReceived(_ buffer: ByteBuffer)
    /// No more bytes for now, after at least one ``socketReceived(_:)``.
    func socketReadCompleted()
    /// The peer sends nothing more, and everything it sent has been received.
    func socketInputEnded()
    /// The peer sends nothing more, but reading is paused, so there may be something that has not been received.
    func socketInputEndsSoon()
    /// ``StreamSocket/isWritable`` is true again.
    func socketBecameWritable()
    /// What ``StreamSocket/closeOutput()`` asked for is done.
    func socketOutputClosed()
    /// The last word. The error is nil if either side closed in good order.
    func socketClosed(_ error: (any Error)?)
}

extension ByteBuffer {
    /// The same bytes, in memory of their own if most of what they lie in is something else.
    package func compacted() -> ByteBuffer {
        if self.readableBytes == 0 { return ByteBuffer() }
        guard self.storageCapacity > 2 * self.readableBytes + 512 else { return self }
        var copy = ByteBufferAllocator().buffer(capacity: self.readableBytes)
        copy.writeImmutableBuffer(self)
        return copy
    }
}
