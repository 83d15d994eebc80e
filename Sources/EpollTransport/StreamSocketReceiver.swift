package import NIOCore

/// The user of a ``StreamSocket``. Called on its loop's thread only, and never during a call to the socket, except for ``socketBecameWritable()``,
/// ``socketOutputClosed()`` and ``socketClosed(_:)``.
package protocol StreamSocketReceiver: AnyObject {
    /// The connection that this side has requested is made.
    func socketConnected()
    /// Bytes have come. The buffer belongs to the loop. A small part that is kept beyond ``socketReadCompleted()`` should be copied (see
    /// ``NIOCore/ByteBuffer/compacted()``), since otherwise it keeps all of the buffer.
    func socketReceived(_ buffer: ByteBuffer)
    /// There are no more bytes for now, after at least one ``socketReceived(_:)``.
    func socketReadCompleted()
    /// The peer sends nothing more, and everything it sent has been received.
    func socketInputEnded()
    /// The peer sends nothing more, but reading is paused, so some input may not have been received.
    func socketInputEndsSoon()
    /// ``StreamSocket/isWritable`` is true again.
    func socketBecameWritable()
    /// All output, and its end, has been sent after ``StreamSocket/closeOutput()``.
    func socketOutputClosed()
    /// The connection is closed; nothing else is called afterwards. The error is nil if either side closed in good order.
    func socketClosed(_ error: (any Error)?)
}

extension ByteBuffer {
    /// The same bytes, copied to memory of their own if they are only a small part of the buffer they are in.
    package func compacted() -> ByteBuffer {
        if self.readableBytes == 0 { return ByteBuffer() }
        guard self.storageCapacity > 2 * self.readableBytes + 512 else { return self }
        var copy = ByteBufferAllocator().buffer(capacity: self.readableBytes)
        copy.writeImmutableBuffer(self)
        return copy
    }
}
