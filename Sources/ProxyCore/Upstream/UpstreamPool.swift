package import NIOCore

/// An endpoint as one event loop sees it: an address, and the connections to it that wait for their next request, whoever's it may be.
///
/// Belongs to one backend, so what one of them may still have to say can only come from that backend; and nothing but a whole
/// exchange ever puts a connection here (see ``ExchangeMachine/endIfComplete(excess:)``).
package final class UpstreamPool {
    package let address: SocketAddress
    /// Nil speaks to it in the clear.
    package let tls: UpstreamTLS?
    private let allowance: UpstreamAllowance
    /// The most recently used last, which is also the first to be used again: the others may grow old and go.
    private var idle: [UpstreamConnection] = []
    /// The backend is no longer there, or has moved.
    private var isRetired = false

    init(address: SocketAddress, tls: UpstreamTLS? = nil, allowance: UpstreamAllowance) {
        self.address = address
        self.tls = tls
        self.allowance = allowance
    }

    /// A connection that has been idle for less than `limit`.
    @inline(__always)
    func take(idleFor limit: TimeAmount, now: NIODeadline) -> UpstreamConnection? {
        guard let newest = self.idle.last, now - newest.idleSince < limit else { return nil }
        self.allowance.idleCount -= 1
        return self.idle.removeLast()
    }

    /// Keeps a connection whose exchange has ended well, if there is room for it.
    func keep(_ connection: UpstreamConnection, now: NIODeadline) {
        guard !self.isRetired, self.allowance.perBackend > 0, self.allowance.idleCount < self.allowance.total else {
            return connection.close()
        }
        connection.becomeIdle(since: now)
        if self.idle.isEmpty { self.allowance.list(self) }
        self.idle.append(connection)
        self.allowance.idleCount += 1
    }

    /// An idle connection has ended.
    func forget(_ connection: UpstreamConnection) {
        guard let index = self.idle.firstIndex(where: { $0 === connection }) else { return }
        self.idle.remove(at: index)
        self.allowance.idleCount -= 1
    }

    /// Closes what has not been used for `limit`, and of more than are kept for so long what has not been used for `burst`; false once
    /// nothing is left.
    func sweep(idleFor limit: TimeAmount, burst: TimeAmount, now: NIODeadline) -> Bool {
        // Those used longest ago come first.
        let excess = self.idle.count - self.allowance.perBackend
        let count = self.idle.indices.first { now - self.idle[$0].idleSince < ($0 < excess ? min(burst, limit) : limit) } ?? self.idle.count
        let old = self.idle.prefix(count)
        self.idle.removeFirst(count)
        self.allowance.idleCount -= count
        for connection in old { connection.close() }
        return !self.idle.isEmpty
    }

    /// Nothing goes there any more: what is idle is closed, and what is not will be.
    package func retire() {
        self.isRetired = true
        self.allowance.idleCount -= self.idle.count
        let all = self.idle
        self.idle = []
        for connection in all { connection.close() }
    }
}

/// How many idle connections to backends an event loop keeps, and which pools have some.
final class UpstreamAllowance {
    let perBackend: Int
    let total: Int
    fileprivate(set) var idleCount = 0
    private var pools: [UpstreamPool] = []

    init(limits: ProxyLimits) {
        self.perBackend = limits.idleUpstreamsPerBackend
        self.total = limits.idleUpstreams
    }

    fileprivate func list(_ pool: UpstreamPool) {
        if !self.pools.contains(where: { $0 === pool }) { self.pools.append(pool) }
    }

    func sweep(idleFor limit: TimeAmount, burst: TimeAmount, now: NIODeadline) {
        self.pools.removeAll { !$0.sweep(idleFor: limit, burst: burst, now: now) }
    }

    func closeAll() {
        for pool in self.pools { pool.retire() }
        self.pools = []
    }
}
