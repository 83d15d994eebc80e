/// Gets the messages of one subscription, on a thread of libnats. It must not block and should return soon; the message is already a copy.
protocol MessageSink: AnyObject, Sendable {
    func receive(_ message: NATSMessage)
    /// No more messages come from this subscription of the library: it was cancelled or drained, or its connection was closed.
    func completed()
    /// The connection is about to be closed in order; this is the last chance to send something to the server.
    func connectionDraining()
    /// The connection was closed by this process; there will be no other subscription in place of the completed one.
    func connectionClosed()
}
