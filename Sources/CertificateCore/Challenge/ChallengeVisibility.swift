package import ACME
import DNSCore
package import Logging
package import NetworkAddresses
import LogKeys
import NIOCore
import PlaneProtocol
import PlaneService
import Synchronization

/// Waits until the zone's name servers show a challenge, before the authority is told to look: authorities count failed validations.
package struct ChallengeVisibility: Sendable {
    package struct Options: Sendable {
        /// Name servers to be asked; those of the zone are looked up if there are none.
        package var servers: [SocketEndpoint] = []
        /// Time to wait; name servers show a value within milliseconds. Zero asks nobody.
        package var limit: Duration = .seconds(60)
        /// Resolvers for looking up the zone's name servers.
        package var resolvers: [SocketEndpoint] = []

        package init() {}
    }

    /// Thrown if a name server does not show the value in time.
    package struct NotVisible: Error, CustomStringConvertible {
        let name: String
        let servers: [String]
        package var description: String {
            """
            \(self.name) does not have the value at \(self.servers.joined(separator: ", ")); do these run the service dns, on the same NATS? \
            acme.dns_servers names others to ask
            """
        }
    }

    /// Pause between two questions to a server that does not show the value yet.
    private static let pause: Duration = .milliseconds(100)
    /// Pause between two rounds while no server answers.
    private static let downPause: Duration = .milliseconds(500)
    /// How long to wait if no name server can be asked because a firewall blocks DNS queries: longer than any name server needs.
    private static let blindWait: Duration = .seconds(5)

    /// Most name servers of a zone that are asked, so that a forged answer cannot make this process ask for hours.
    static let nameServerLimit = 13
    /// Most addresses of one name server, of each family.
    static let addressLimit = 4

    private let options: Options
    private let client: DNSClient
    private let logger: Logger
    private let hasWarned = Flag()

    /// A flag that all copies of a value share.
    private final class Flag: Sendable {
        private let value = Atomic(false)

        /// Sets the flag, and returns whether it was set before.
        func raise() -> Bool { self.value.exchange(true, ordering: .relaxed) }
    }

    package init(_ options: Options, logger: Logger) {
        self.options = options
        self.client = DNSClient()
        self.logger = logger
    }

    /// Returns when at least one name server answers, and all that answer show the value. Where no name server of the zone can be found, asks the
    /// resolvers of this machine instead; if these do not show the value, it only warns.
    package func wait(for record: ChallengeRecord) async throws {
        guard self.options.limit > .zero else { return }
        guard let name = DNSName(record.name) else { throw NotVisible(name: record.name, servers: ["any server: it is no domain name"]) }
        let (servers, areAuthoritative) = await self.servers(for: record.domain)
        do {
            try await self.wait(for: record, at: name, on: servers)
        } catch let error as NotVisible where !areAuthoritative {
            self.warn(
                "no name server of the zone could be found to ask, and this machine's resolvers do not show the challenge; ordering all the same", error.servers
            )
        }
    }

    private func wait(for record: ChallengeRecord, at name: DNSName, on servers: [SocketEndpoint]) async throws {
        let clock = ContinuousClock()
        let end = clock.now + self.options.limit
        repeat {
            let outcomes = await withTaskGroup(of: Outcome.self) { group in
                for server in servers { group.addTask { await self.watch(server, name, record.value) } }
                return await group.reduce(into: []) { $0.append($1) }
            }
            try Task.checkCancellation()
            let lacking = outcomes.compactMap { if case .lacking(let server) = $0 { server } else { nil } }
            guard lacking.isEmpty else { throw NotVisible(name: record.name, servers: lacking.sorted()) }
            if outcomes.contains(.seen) { return }
            if self.isBlind(outcomes) { return try await self.waitBlindly(servers) }
            // All servers are down, perhaps for a restart, so the authority would get no answer either.
            try await Task.sleep(for: Self.downPause)
        } while clock.now < end
        throw NotVisible(name: record.name, servers: servers.map { "\($0) (no answer)" }.sorted())
    }

    /// Warns once in the life of the process, because it is the same for every order.
    private func warn(_ message: Logger.Message, _ servers: [String]) {
        guard !self.hasWarned.raise() else { return }
        self.logger.warning(
            message,
            metadata: [
                LogKey.server: "\(servers.joined(separator: ", "))",
                LogKey.hint: "acme.dns_servers names servers that can be asked; acme.propagation_timeout_secs = 0 asks nobody",
            ])
    }

    private enum Outcome: Hashable, Sendable {
        case seen
        case lacking(String)
        /// The server has never answered.
        /// - Parameter isDown: whether its machine has replied that nothing listens there.
        case silent(isDown: Bool)
    }

    /// Whether a firewall blocks all DNS queries. Not assumed for servers that the configuration names.
    private func isBlind(_ outcomes: [Outcome]) -> Bool {
        self.options.servers.isEmpty && !outcomes.contains(.silent(isDown: true))
    }

    private func waitBlindly(_ servers: [SocketEndpoint]) async throws {
        self.warn("no name server could be asked whether the challenge is visible; ordering all the same", servers.map(\.description))
        try await Task.sleep(for: Self.blindWait)
    }

    private func watch(_ server: SocketEndpoint, _ name: DNSName, _ value: String) async -> Outcome {
        let clock = ContinuousClock()
        let end = clock.now + self.options.limit
        var hasAnswered = false
        repeat {
            guard let address = try? SocketAddress(ipAddress: server.ip.description, port: Int(server.port)) else {
                return .silent(isDown: false)
            }
            do throws(DNSClient.Failure) {
                let answer = try await self.client.ask(name, .txt, at: address, recursion: self.options.resolvers.contains(server))
                if answer.answers.contains(where: { $0.data == .txt(Array(value.utf8)) }) { return .seen }
                hasAnswered = true
            } catch {
                // A server that never answers does not count, since the authority gets no answer from it either.
                if !hasAnswered, error != .malformed { return .silent(isDown: error == .unreachable) }
            }
            // If the task is cancelled during the sleep, the loop ends.
            try? await Task.sleep(for: Self.pause)
        } while clock.now < end && !Task.isCancelled
        return .lacking("\(server)")
    }

    // MARK: Name servers

    /// The configured servers, or all addresses of the zone's name servers. If these cannot be found, as in a network whose resolvers do not know the zone,
    /// the resolvers themselves.
    private func servers(for domain: String) async -> (servers: [SocketEndpoint], areAuthoritative: Bool) {
        guard self.options.servers.isEmpty else { return (self.options.servers, true) }
        guard let zone = DNSName(domain), let answer = await self.resolve(zone, .ns) else { return (self.options.resolvers, false) }
        var servers: [SocketEndpoint] = []
        let names = answer.answers.compactMap { record -> DNSName? in if case .ns(let name) = record.data { name } else { nil } }
        for name in names.prefix(Self.nameServerLimit) {
            for type in [RecordType.a, .aaaa] {
                let addresses = await self.resolve(name, type)?.answers ?? []
                servers += addresses.compactMap { IPAddress($0.data) }.prefix(Self.addressLimit).map { SocketEndpoint(ip: $0, port: 53) }
            }
        }
        return servers.isEmpty ? (self.options.resolvers, false) : (servers, true)
    }

    private func resolve(_ name: DNSName, _ type: RecordType) async -> DNSMessage? {
        for resolver in self.options.resolvers {
            guard let address = try? SocketAddress(ipAddress: resolver.ip.description, port: Int(resolver.port)) else { continue }
            if let answer = try? await self.client.ask(name, type, at: address, recursion: true), answer.code == .noError { return answer }
        }
        return nil
    }
}

extension IPAddress {
    fileprivate init?(_ data: RecordData) {
        switch data {
        case .a(let address): self = .v4(address)
        case .aaaa(let high, let low): self = .v6(high: high, low: low)
        case .ns, .soa, .txt, .caa, .hinfo, .other: return nil
        }
    }
}
