import EpollTransport
import NIOCore

/// Asks sentinels one after the other for the address of a master; the first that knows it decides. Used on its loop's thread only.
final class MasterSearch {
    private let addresses: [RedisServer.SentinelAddress]
    private let master: String
    private let limits: RedisLimits
    private let loop: EpollEventLoop
    private var body: ((Result<SocketAddress, RedisError>) -> Void)?
    private var connection: RedisConnection?
    private var problems: [String] = []

    /// - Parameter body: called once, after this has returned.
    static func begin(
        _ addresses: [RedisServer.SentinelAddress], master: String, limits: RedisLimits, on loop: EpollEventLoop,
        _ body: @escaping (Result<SocketAddress, RedisError>) -> Void
    ) {
        let search = MasterSearch(addresses, master: master, limits: limits, loop: loop, body)
        loop.assumeIsolated().execute { search.ask(0) }
    }

    private init(
        _ addresses: [RedisServer.SentinelAddress], master: String, limits: RedisLimits, loop: EpollEventLoop,
        _ body: @escaping (Result<SocketAddress, RedisError>) -> Void
    ) {
        self.addresses = addresses
        self.master = master
        self.limits = limits
        self.loop = loop
        self.body = body
    }

    private func ask(_ index: Int) {
        guard index < self.addresses.count else {
            let problems = self.problems.joined(separator: "; ")
            return self.finish(.failure(RedisError(.noMaster, "no sentinel knows the master of \(self.master): \(problems)")))
        }
        let sentinel = self.addresses[index]
        self.resolve(sentinel.host, port: sentinel.port) { result in
            switch result {
            case .success(let address): self.ask(sentinel, at: address, index)
            case .failure(let failure): self.next(index, failure.description)
            }
        }
    }

    private func resolve(_ host: String, port: Int, _ body: @escaping (Result<SocketAddress, NameResolver.Failure>) -> Void) {
        let bound = NIOLoopBound(body, eventLoop: self.loop)
        let loop = self.loop
        NameResolver.shared.resolve(host, port: port) { result in
            loop.execute { bound.value(result.map { $0[0] }) }
        }
    }

    private func ask(_ sentinel: RedisServer.SentinelAddress, at address: SocketAddress, _ index: Int) {
        let name = "sentinel \(sentinel.host):\(sentinel.port)"
        let events = RedisConnection.Events(
            opened: { [self] in
                self.connection?.send(
                    RedisBatch(RedisPipeline([RedisCommand("SENTINEL", "get-master-addr-by-name", self.master)])) { self.answered($0, name, index) })
            },
            closed: { error, waiting, _ in
                if waiting.isEmpty { self.next(index, error.description) } else { for batch in waiting { batch.fail(error) } }
            })
        self.connection = RedisConnection(
            connectingTo: address, name: name, greeting: [], limits: self.limits, on: self.loop, events: events)
    }

    private func answered(_ result: Result<[RedisValue], RedisError>, _ name: String, _ index: Int) {
        switch result {
        case .failure(let error): self.next(index, error.description)
        case .success(let replies):
            let parts = replies.first?.elements?.compactMap(\.string) ?? []
            guard parts.count == 2, let port = Int(parts[1]), (1...65_535).contains(port) else {
                return self.next(index, "\(name) knows no master of that name")
            }
            self.resolve(parts[0], port: port) { result in
                switch result {
                case .success(let address): self.finish(.success(address))
                case .failure(let failure): self.next(index, failure.description)
                }
            }
        }
    }

    private func next(_ index: Int, _ problem: String) {
        // A connection that is closed on purpose reports that too; this is ignored.
        guard self.body != nil, self.problems.count == index else { return }
        self.problems.append(problem)
        let connection = self.connection
        self.connection = nil
        connection?.close()
        self.ask(index + 1)
    }

    private func finish(_ result: Result<SocketAddress, RedisError>) {
        let body = self.body
        self.body = nil
        let connection = self.connection
        self.connection = nil
        connection?.close()
        body?(result)
    }
}
