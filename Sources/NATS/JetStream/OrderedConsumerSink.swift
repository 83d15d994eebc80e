/// Takes the deliveries of one generation.
final class OrderedConsumerSink: MessageSink {
    private let feed: OrderedConsumerFeed
    private let generation: UInt64
    private let onDraining: @Sendable () -> Void

    init(feed: OrderedConsumerFeed, generation: UInt64, onDraining: @escaping @Sendable () -> Void) {
        self.feed = feed
        self.generation = generation
        self.onDraining = onDraining
    }

    func receive(_ message: NATSMessage) { self.feed.receive(message, generation: self.generation) }

    /// Does nothing: the sink is replaced by that of the next generation, or subscribed again.
    func completed() {}

    func connectionDraining() { self.onDraining() }

    func connectionClosed() { self.feed.buffer.finish() }
}
