package import NIOCore

/// An endpoint on one event loop: an address, and the idle connections to it, which any request may use.
///
/// All of them lead to one backend, so late bytes on one can only come from that backend. A connection only gets here after a complete exchange (see
/// ``ExchangeMachine/endIfComplete(excess:)``).
package final class UpstreamPool {
    package let address: SocketAddress
    /// Nil connects without TLS.
    package let tls: UpstreamTLS?
    private let allowance: UpstreamAllowance
    /// Idle connections, the most recently used last. That one is used first, so that the others can grow old and be closed.
    private var idle: [UpstreamConnection] = []
    /// Whether the backend has gone or moved.
    private var isRetired = false

    init(address: SocketAddress, tls: UpstreamTLS? = nil, allowance: UpstreamAllowance) {
        self.address = address
        self.tls = tls
        self.allowance = allowance
    }

    /// Takes a connection that has been idle for less than `limit`, if there is one.
    @inline(__always)
    func take(idleFor limit: TimeAmount, now: NIODeadline) -> UpstreamConnection? {
        guard let newest = self.idle.last, now - newest.idleSince < limit else { return nil }
        self.allowance.idleCount -= 1
        return self.idle.removeLast()
    }

    /// Keeps a connection after a complete exchange, if there is room for it.
    func keep(_ connection: UpstreamConnection, now: NIODeadline) {
        guard !self.isRetired, self.allowance.perBackend > 0, self.allowance.idleCount < self.allowance.total else {
            return connection.close()
        }
        connection.becomeIdle(since: now)
        if self.idle.isEmpty { self.allowance.list(self) }
        self.idle.append(connection)
        self.allowance.idleCount += 1
    }

    /// Removes an idle connection that has closed.
    func forget(_ connection: UpstreamConnection) {
        guard let index = self.idle.firstIndex(where: { $0 === connection }) else { return }
        self.idle.remove(at: index)
        self.allowance.idleCount -= 1
    }

    /// Closes the connections that have not been used for `limit`, and of those beyond the number kept per backend the ones not used for `burst`. Returns
    /// false when none is left.
    func sweep(idleFor limit: TimeAmount, burst: TimeAmount, now: NIODeadline) -> Bool {
        // The connections that were used longest ago come first.
        let excess = self.idle.count - self.allowance.perBackend
        let count = self.idle.indices.first { now - self.idle[$0].idleSince < ($0 < excess ? min(burst, limit) : limit) } ?? self.idle.count
        let old = self.idle.prefix(count)
        self.idle.removeFirst(count)
        self.allowance.idleCount -= count
        for connection in old { connection.close() }
        return !self.idle.isEmpty
    }

    /// No more requests go to this endpoint: closes its idle connections now, and the others after their exchange.
    package func retire() {
        self.isRetired = true
        self.allowance.idleCount -= self.idle.count
        let all = self.idle
        self.idle = []
        for connection in all { connection.close() }
    }
}

/// Limits the idle connections to backends that an event loop keeps, and knows which pools have some.
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
