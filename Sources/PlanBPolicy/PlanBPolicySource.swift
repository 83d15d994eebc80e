package import EpollTransport
import Logging
package import Metrics
import NIOCore
package import NIOSSL
package import ProxyCore
import RedisClient
import Synchronization

/// Makes the policies of all event loops, and owns what they share: the counters, the backends that this process has found dead, and the logs.
package final class PlanBPolicySource: ProxyPolicySource {
    let options: PlanBOptions
    let turns = RoundRobinCounters()
    let marks: LocalDeadMarks
    /// Nil if no access log is wanted.
    let accessLog: LineWriter?
    let errorLog: LineWriter
    let metrics: any MetricsFactory
    private let tls: NIOSSLContext
    private let resolver: NameResolver
    private let policies = Mutex<[NIOLoopBound<PlanBPolicy>]>([])

    /// - Parameters:
    ///   - trustRoots: the authorities for certificates of `https` backends; by default the system's.
    ///   - resolver: resolves the names of backends.
    package init(
        _ options: PlanBOptions, accessLog: LineWriter?, errorLog: LineWriter, metrics: any MetricsFactory = MetricsSystem.factory,
        trustRoots: NIOSSLTrustRoots = .default, resolver: NameResolver = .shared
    ) throws {
        self.options = options
        self.marks = LocalDeadMarks(life: options.markLife)
        self.accessLog = accessLog
        self.errorLog = errorLog
        self.metrics = metrics
        self.resolver = resolver
        // HTTP/1.1 is used even if a backend knows other versions.
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.applicationProtocols = ["http/1.1"]
        configuration.trustRoots = trustRoots
        self.tls = try NIOSSLContext(configuration: configuration)
    }

    package func makePolicy(for host: PolicyHost) -> any ProxyPolicy {
        guard let loop = host.eventLoop as? EpollEventLoop else { preconditionFailure("the engine runs on loops of EpollTransport") }
        let endpoints = EndpointDirectory(host: host, loop: loop, tls: self.tls, resolver: self.resolver)
        let policy = PlanBPolicy(self, host: host, loop: loop, endpoints: endpoints)
        self.policies.withLock { $0.append(NIOLoopBound(policy, eventLoop: loop)) }
        return policy
    }

    package func shutDown() async throws {
        let policies = self.policies.withLock { policies in
            defer { policies = [] }
            return policies
        }
        for policy in policies { try await policy.eventLoop.submit { policy.value.end() }.get() }
        await self.accessLog?.flush()
        await self.errorLog.flush()
    }

    /// Describes the current state for people, in some lines for each event loop.
    package func describe() async -> String {
        let policies = self.policies.withLock { $0 }
        var text = ""
        for (index, policy) in policies.enumerated() {
            // A loop that has ended has nothing to describe.
            let part = try? await policy.eventLoop.submit { policy.value.description }.get()
            text += "loop \(index)\n\(part ?? "  ended\n")"
        }
        let marks = self.marks.hosts.sorted { $0.key < $1.key }
        text += "dead marks of this process: \(marks.reduce(0) { $0 + $1.value })\n"
        for (host, count) in marks.prefix(100) { text += "  \(host): \(count)\n" }
        return text
    }
}
