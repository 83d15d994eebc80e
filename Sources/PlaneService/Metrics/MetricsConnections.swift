import NIOCore
import Synchronization

/// Bounds how many connections collectors may have. A machine has a few collectors; whoever opens many, and asks slowly or not at all,
/// keeps nobody out, because the oldest connection makes room for a new one.
final class MetricsConnections: Sendable {
    static let limit = 64

    /// In the order in which they came.
    private let open = Mutex<[any Channel]>([])

    func enter(_ channel: any Channel) {
        let oldest = self.open.withLock { open -> (any Channel)? in
            open.append(channel)
            return open.count > Self.limit ? open.removeFirst() : nil
        }
        oldest?.close(promise: nil)
        channel.closeFuture.whenComplete { _ in self.leave(channel) }
    }

    /// One that has made room is not there any more.
    private func leave(_ channel: any Channel) {
        self.open.withLock { open in open.removeAll { $0 === channel } }
    }
}
