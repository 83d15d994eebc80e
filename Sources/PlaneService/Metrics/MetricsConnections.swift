import NIOCore
import Synchronization

/// Limits the connections of collectors. A machine has only a few collectors. A client that opens many connections, and sends requests slowly or not at all,
/// does not keep others out, because the oldest connection makes room for a new one.
final class MetricsConnections: Sendable {
    static let limit = 64

    /// The open connections, oldest first.
    private let open = Mutex<[any Channel]>([])

    func enter(_ channel: any Channel) {
        let oldest = self.open.withLock { open -> (any Channel)? in
            open.append(channel)
            return open.count > Self.limit ? open.removeFirst() : nil
        }
        oldest?.close(promise: nil)
        channel.closeFuture.whenComplete { _ in self.leave(channel) }
    }

    /// Does nothing for a connection that was closed to make room.
    private func leave(_ channel: any Channel) {
        self.open.withLock { open in open.removeAll { $0 === channel } }
    }
}
