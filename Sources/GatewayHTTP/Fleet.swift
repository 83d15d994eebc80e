import GatewayCore
import LogKeys
package import Logging
import NATS
package import PlaneClient
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneState
import Synchronization
import Timing

/// What the gateway knows of the fleet: the state in memory, statuses as they are published, and the proxies of the tier.
package final class Fleet: Sendable {
    package let client: PlaneClient
    package let mirror: StateMirror
    let hub: StatusHub
    let recent = RecentHistory()
    let memory = BackendMemory()
    let revocations = RevocationWaiters()
    let reads = StreamReads()
    /// What this gateway is called in answers, where Plane names its controller.
    let name: String
    let logger: Logger
    private let tier = Mutex(TierProxies())

    /// Schedulers write a heartbeat every second. After a longer silence the state may be outdated.
    private static let silenceLimit: Duration = .seconds(10)
    /// The pause between attempts to subscribe. Once that has worked, the subscription outlives lost connections.
    private static let retryPause: Duration = .seconds(1)

    /// A backend and what the state says of it.
    struct Located: Sendable {
        var cluster: ClusterName
        var view: BackendView
    }

    package init(client: PlaneClient, logger: Logger) {
        self.client = client
        self.mirror = StateMirror()
        self.hub = StatusHub(client: client, logger: logger)
        self.logger = logger
        var generator = SystemRandomNumberGenerator()
        self.name = "co-\(RandomName.text(using: &generator))"
    }

    /// Whether the state in memory is up to date.
    var isCurrent: Bool {
        self.client.bus.connection.isConnected && self.mirror.isCaughtUp && self.mirror.silence.map { $0 < Self.silenceLimit } ?? false
    }

    /// How many event streams wait for statuses.
    package var listenerCount: Int { self.hub.count }

    /// Throws if the state may be outdated, for queries that must not be answered then.
    func demandCurrent() throws(GatewayError) {
        guard self.isCurrent else { throw .unavailable("the state of the fleet is not current") }
    }

    /// How long it may take until statuses are followed.
    private static let followingLimit: Duration = .seconds(8)

    /// Waits until every status that is published from now on is heard.
    func demandFollowing() async throws(GatewayError) {
        let hub = self.hub
        let isFollowing = await withTimeLimit(Self.followingLimit) { () async -> Bool in
            await hub.waitUntilFollowing()
            return !Task.isCancelled
        }
        guard isFollowing == true else { throw .unavailable("statuses are not followed") }
    }

    /// Follows everything until the task is cancelled or the connection is closed.
    package func run() async {
        // The connection is made beside this; whoever fails before it is there tries again a second later.
        let events = self.client.bus.connection.events
        if !self.client.bus.connection.isConnected { for await event in events where event == .connected { break } }
        await withDiscardingTaskGroup { group in
            group.addTask { await self.client.mirrorState(into: self.mirror) }
            group.addTask {
                await self.hub.run { message in
                    self.recent.heard(message)
                    self.memory.heard(message)
                }
            }
            group.addTask { await self.followProxies() }
            group.addTask { await self.followRevocations() }
        }
    }

    func locate(_ backend: BackendID) -> Located? {
        self.mirror.ask { fleet in
            for cluster in fleet.clusterNames {
                if let view = fleet.backend(backend, in: cluster) { return Located(cluster: cluster, view: view) }
            }
            return nil
        }
    }

    /// The holder of a lock in any cluster.
    func holder(of lock: LockName) -> Located? {
        self.mirror.ask { fleet in
            for cluster in fleet.clusterNames {
                if case .held(let backend) = fleet.lock(lock, in: cluster), let view = fleet.backend(backend, in: cluster) {
                    return Located(cluster: cluster, view: view)
                }
            }
            return nil
        }
    }

    func drone(_ drone: DroneID, in cluster: ClusterName) -> DroneView? { self.mirror.ask { $0.drone(drone, in: cluster) } }

    func proxies(in cluster: ClusterName) -> [ClusterStateDocument.Proxy] {
        self.heardProxies.filter { $0.status.cluster == cluster }.map { ClusterStateDocument.Proxy(id: $0.status.proxy, version: $0.status.version) }
    }

    /// All that were heard of lately, in the order of their clusters and ids.
    package var heardProxies: [TierProxies.Proxy] { self.tier.withLock { $0.proxies(at: .now) } }

    /// Processes of the tier that serve visitors, of one cluster or of all.
    func servingProcesses(in cluster: ClusterName?) -> Set<TierProcess> { self.tier.withLock { $0.serving(cluster, at: .now) } }

    private func followRevocations() async {
        await self.hear(ProxyRevocationReport.self, "proxies' reports of revocations cannot be heard, so nobody is told how many requests were ended") {
            self.revocations.heard($0)
        }
    }

    private func followProxies() async {
        await self.hear(ProxyStatusMessage.self, "proxies of the tier cannot be heard") { status in
            self.tier.withLock { $0.hear(status, at: .now) }
        }
    }

    /// Hears messages of one kind until the task is cancelled or the connection is closed. Where the server does not permit it, the messages never come,
    /// and `complaint` is logged with the subject that the permissions lack.
    private func hear<Message: PlaneMessage>(_: Message.Type, _ complaint: String, _ handle: @escaping @Sendable (Message) -> Void) async {
        let (connection, logger, subject) = (self.client.bus.connection, self.logger, Message.subscription)
        // Taken before the subscription, whose refusal may come at once.
        let events = connection.events
        await withDiscardingTaskGroup { group in
            group.addTask {
                for await event in events {
                    guard case .refused(let reason) = event, reason.contains("\"\(subject)\"") else { continue }
                    logger.error("\(complaint)", metadata: [LogKey.subject: "\(subject)", LogKey.reason: "\(reason)"])
                }
            }
            while !Task.isCancelled {
                do throws(NATSError) {
                    for await message in try connection.subscribe(subject) {
                        do {
                            handle(try WireCodec.decode(Message.self, from: message.payload, subject: message.subject))
                        } catch {
                            logger.debug(
                                "message cannot be read", metadata: [LogKey.subject: "\(message.subject)", LogKey.error: "\(error)"])
                        }
                    }
                    break  // The connection is closed.
                } catch {
                    guard error.code != .closed, error.code != .cancelled else { break }
                    logger.warning("\(complaint)", metadata: [LogKey.subject: "\(subject)", LogKey.error: "\(error)"])
                }
                await connection.pause(atMost: Self.retryPause)
            }
            group.cancelAll()
        }
    }
}
