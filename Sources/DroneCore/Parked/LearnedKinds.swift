package import DockerEngine
package import DroneStore
package import PlaneProtocol

/// Which containers are worth parking, by what was asked for lately.
package struct LearnedKinds: Sendable {
    /// Seconds back from now in which requests count. The table keeps ended backends for as long.
    package static let windowSeconds: Int64 = 24 * 3600
    /// How many requests are counted, the latest ones. More would give the same result.
    package static let requestLimit = 4000
    /// What was asked for less often may not be asked for again.
    private static let fewestRequests = 2

    private let template: ContainerTemplate
    private let drone: DroneID
    private let images: ImageAllowance
    private let count: Int

    /// - Parameter count: how many containers there are to be in all.
    package init(_ template: ContainerTemplate, drone: DroneID, images: ImageAllowance = .all, count: Int) {
        self.template = template
        self.drone = drone
        self.images = images
        self.count = count
    }

    /// The kinds for the requests that the table has of the last `windowSeconds`.
    /// - Parameter except: what cannot be parked.
    package func kinds(askedForIn store: DroneStore, except: Set<ContainerSpec>, now: WireTime) async throws(StoreError) -> [ParkedKind] {
        let since = now.unixMicroseconds - Self.windowSeconds * 1_000_000
        return self.kinds(of: try await store.requests(since: since, limit: Self.requestLimit), except: except)
    }

    private struct Share {
        var kind: ParkedKind
        var requests = 0
        /// Orders kinds with equally many requests: the one that was requested later comes first.
        let rank: Int
    }

    /// The containers are shared out in proportion to the requests (by D'Hondt's method): each goes to the kind with the most requests for each container that
    /// it would have then. Those with the most come first.
    /// - Parameter requests: the latest first.
    func kinds(of requests: [SpawnRequest], except: Set<ContainerSpec> = []) -> [ParkedKind] {
        var found: [ContainerSpec: Share] = [:]
        for (rank, request) in requests.enumerated() {
            guard let kind = self.kind(of: request), !except.contains(kind.specification) else { continue }
            found[kind.specification, default: Share(kind: kind, rank: rank)].requests += 1
        }
        var shares = Array(
            found.values.filter { $0.requests >= Self.fewestRequests }.sorted { ($1.requests, $0.rank) < ($0.requests, $1.rank) }.prefix(self.count))
        for _ in 0..<self.count {
            let short = shares.indices.filter { shares[$0].kind.count < shares[$0].requests }
            // Compares quotients without dividing.
            let next = short.max { shares[$0].requests * (shares[$1].kind.count + 1) < shares[$1].requests * (shares[$0].kind.count + 1) }
            guard let next else { break }
            shares[next].kind.count += 1
        }
        return shares.map(\.kind).filter { $0.count > 0 }
    }

    /// Nil for a request that no parked container could stand for, or that this drone would refuse now.
    private func kind(of request: SpawnRequest) -> ParkedKind? {
        let executable = request.executable
        guard self.template.syslog == nil, self.images.allows(executable.image),
            self.template.limits.refusal(of: ContainerLimits(executable.resourceLimits)) == nil,
            let plain = self.template.specification(of: executable.image, limits: executable.resourceLimits, drone: self.drone),
            self.template.specification(for: request)?.withoutWhatComesLate == plain
        else { return nil }
        // Each image in its canonical spelling, so that it is one kind.
        return ParkedKind(image: plain.image.description, specification: plain, count: 0)
    }
}
