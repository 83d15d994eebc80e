package import EpollTransport
package import Logging
import LogKeys
import NIOCore

/// Listens to one channel of Redis without end: a connection that breaks, or on which nothing is heard, is made again. Used on its loop's thread only.
package final class RedisSubscription {
    /// How often a PING is sent. If nothing has come for twice this time, the connection counts as broken.
    private static let checkInterval: TimeAmount = .seconds(5)
    private static let pause: TimeAmount = .milliseconds(500)

    private let server: RedisServer
    private let channel: String
    private let limits: RedisLimits
    private let loop: EpollEventLoop
    private let logger: Logger
    private let began: () -> Void
    private let message: ([UInt8]) -> Void
    private var connection: RedisConnection?
    private var check: RepeatingTimer?
    private var isEnded = false
    private var hasFailed = false

    /// - Parameters:
    ///   - began: called when messages begin to come, again after each break. Messages sent before are missed.
    ///   - message: called with each published message.
    package init(
        _ server: RedisServer, channel: String, limits: RedisLimits = RedisLimits(), on loop: EpollEventLoop, logger: Logger,
        began: @escaping () -> Void, message: @escaping ([UInt8]) -> Void
    ) {
        self.server = server
        self.channel = channel
        self.limits = limits
        self.loop = loop
        self.logger = logger
        self.began = began
        self.message = message
    }

    package func start() {
        switch self.server.location {
        case .unix(let path):
            do { self.connect(to: try SocketAddress(unixDomainSocketPath: path)) } catch {
                self.failed(RedisError(.unreachable, "\(path): a socket's path is shorter"))
            }
        case .tcp(let host, let port):
            let bound = NIOLoopBound(self, eventLoop: self.loop)
            let loop = self.loop
            NameResolver.shared.resolve(host, port: port) { result in
                loop.execute {
                    switch result {
                    case .success(let addresses): bound.value.connect(to: addresses[0])
                    case .failure(let failure): bound.value.failed(RedisError(.unreachable, failure.description))
                    }
                }
            }
        case .sentinels(let addresses, let master):
            MasterSearch.begin(addresses, master: master, limits: self.limits, on: self.loop) { result in
                switch result {
                case .success(let address): self.connect(to: address)
                case .failure(let error): self.failed(error)
                }
            }
        }
    }

    package func stop() {
        self.isEnded = true
        self.check?.cancel()
        let connection = self.connection
        self.connection = nil
        connection?.close()
    }

    private func connect(to address: SocketAddress) {
        guard !self.isEnded, self.connection == nil else { return }
        let events = RedisConnection.Events(
            opened: { self.connection?.announce(RedisCommand("SUBSCRIBE", self.channel)) },
            closed: { error, _, _ in
                self.connection = nil
                self.check?.cancel()
                self.failed(error)
            }, announced: { self.announced($0) })
        self.connection = RedisConnection(
            connectingTo: address, name: self.server.description, greeting: self.server.greeting, limits: self.limits, on: self.loop, events: events)
    }

    private func failed(_ error: RedisError) {
        guard !self.isEnded else { return }
        if !self.hasFailed { self.logger.warning("no messages come from redis", metadata: [LogKey.error: "\(error)"]) }
        self.hasFailed = true
        self.loop.assumeIsolated().scheduleTask(in: Self.pause) {
            if !self.isEnded, self.connection == nil { self.start() }
        }
    }

    private func announced(_ value: RedisValue) {
        if case .error(let text) = value { self.connection?.end(RedisError(.refused, "\(self.server.description): \(text)")) }
        guard let parts = value.elements, let kind = parts.first?.string else { return }
        switch kind {
        case "subscribe":
            self.hasFailed = false
            self.checkFromNowOn()
            self.began()
        case "message": if parts.count == 3, let bytes = parts[2].bytes { self.message(bytes) }
        default: break  // the answer to PING
        }
    }

    private func checkFromNowOn() {
        self.check?.cancel()
        self.check = RepeatingTimer(every: Self.checkInterval, on: self.loop) {
            guard let connection = self.connection else { return }
            if NIODeadline.now() - connection.heardAt > Self.checkInterval * 2 {
                connection.end(
                    RedisError(.timedOut, "\(self.server.description): nothing was heard for \(2 * Self.checkInterval.nanoseconds / 1_000_000_000) s"))
            } else {
                connection.announce(RedisCommand("PING", arguments: []))
            }
        }
    }
}
