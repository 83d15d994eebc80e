package import Logging
package import NATS
import PlaneProtocol
import PlaneService
import UTCTime

/// Reads the stream `plane_state` into a world, from its first message and for as long as the process lives.
package struct WorldFollower<World: FollowedWorld>: Sendable {
    private let jetStream: JetStream
    private let world: World
    private let logger: Logger

    /// Pause between attempts to begin reading; afterwards the consumer restores itself.
    private static var retryPause: Duration { .seconds(1) }

    package init(jetStream: JetStream, world: World, logger: Logger) {
        self.jetStream = jetStream
        self.world = world
        self.logger = logger
    }

    /// Ends when the task is cancelled or the connection is closed.
    package func run() async {
        guard let consumer = await self.begin() else { return }
        await withDiscardingTaskGroup { group in
            group.addTask { await self.hearPurges() }
            await self.follow(consumer)
            group.cancelAll()
        }
    }

    private func follow(_ consumer: OrderedConsumer) async {
        var isCaughtUp = consumer.initialPending == 0
        if isCaughtUp { self.world.caughtUp() }
        for await message in consumer {
            self.apply(message)
            if message.pending == 0, !isCaughtUp {
                isCaughtUp = true
                self.world.caughtUp()
            }
        }
    }

    private func begin() async -> OrderedConsumer? {
        while !Task.isCancelled {
            do {
                let info = try await self.jetStream.streamInfo(WorldStream.name)
                if let age = info.age(at: WireTime.now()) { self.world.began(streamAge: age) }
                return try await self.jetStream.orderedConsumer(stream: WorldStream.name, from: .first)
            } catch {
                guard error.code != .closed, error.code != .cancelled else { return nil }
                self.logger.warning("the state of the world cannot be read yet", metadata: [LogKey.error: "\(error)"])
            }
            // Cancelled meanwhile, the loop ends.
            await self.jetStream.connection.pause(atMost: Self.retryPause)
        }
        return nil
    }

    /// Follows the server's advisories. Where the account's permissions forbid that, messages that others purge stay in memory until the
    /// process ends.
    private func hearPurges() async {
        guard let notices = try? self.jetStream.connection.subscribe(PurgeNotice.subject) else { return }
        for await message in notices {
            switch PurgeNotice(advisory: message.payload) {
            case .everything?:
                self.logger.warning("the state of the world was purged, and is rebuilt from what the drones say")
                self.world.lost()
            case .backend(let backend, let token)?:
                self.world.purged(backend, clusterToken: token)
            case .message(let sequence)?:
                self.world.deleted(at: sequence)
            case nil: break
            }
        }
    }

    private func apply(_ message: StreamMessage) {
        var decoded: WorldStateMessage?
        do {
            decoded = try WireCodec.decode(from: message.payload, subject: message.subject)
        } catch {
            self.logger.warning(
                "message in the stream cannot be read",
                metadata: [LogKey.subject: "\(message.subject)", LogKey.sequence: "\(message.sequence)", LogKey.error: "\(error)"])
        }
        self.world.apply(decoded, sequence: message.sequence, published: WireTime(message.published), incarnation: message.streamIncarnation)
    }
}

extension StreamInfo {
    /// How long ago the stream was made, by our clock and the server's; nil if the server does not say.
    fileprivate func age(at now: WireTime) -> Duration? {
        self.createdTime.map { .seconds(now.seconds - $0.seconds) }
    }
}

/// The shared memory of a fleet: the last message of each subject.
package enum WorldStream {
    package static let name = "plane_state"
}
