/// Takes the messages of one subscription, on a thread of libnats: must copy nothing more, never block, and return soon.
protocol MessageSink: AnyObject, Sendable {
    func receive(_ message: NATSMessage)
    /// No message follows from this subscription of the library: it was cancelled or drained, or its connection closed.
    func completed()
    /// The connection is about to be closed in order: whatever must be told to the server is told now.
    func connectionDraining()
    /// The connection was closed by this process; there will be no other subscription in place of the completed one.
    func connectionClosed()
}
