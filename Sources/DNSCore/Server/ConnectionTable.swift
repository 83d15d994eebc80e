import NetworkAddresses
import NIOCore
import Synchronization

/// Limits the open TCP connections, in all and of each client. Beyond a limit the connection that was idle longest is closed to make room (RFC 7766 §6.2.3).
/// So a resolver with unused connections always gets a new one, and no client keeps others out by holding many.
final class ConnectionTable: Sendable {
    /// The place of one connection in the table.
    final class ConnectionSlot: Sendable {
        fileprivate let host: IPAddress
        fileprivate let close: @Sendable () -> Void
        /// When the last question was answered or, before that, the connection accepted: nanoseconds of `NIODeadline`.
        fileprivate let lastUse: Atomic<UInt64>

        fileprivate init(host: IPAddress, at now: NIODeadline, close: @escaping @Sendable () -> Void) {
            self.host = host
            self.close = close
            self.lastUse = Atomic(now.uptimeNanoseconds)
        }

        func wasUsed(at now: NIODeadline) { self.lastUse.store(now.uptimeNanoseconds, ordering: .relaxed) }
    }

    private struct ConnectionSlots {
        var all: [ObjectIdentifier: ConnectionSlot] = [:]
        var countByHost: [IPAddress: Int] = [:]

        mutating func add(_ slot: ConnectionSlot) {
            self.all[ObjectIdentifier(slot)] = slot
            self.countByHost[slot.host, default: 0] += 1
        }

        mutating func remove(_ slot: ConnectionSlot) {
            guard self.all.removeValue(forKey: ObjectIdentifier(slot)) != nil else { return }
            let left = self.countByHost[slot.host, default: 1] - 1
            self.countByHost[slot.host] = left == 0 ? nil : left
        }

        func longestIdle(of host: IPAddress?) -> ConnectionSlot? {
            self.all.values.filter { host == nil || $0.host == host }
                .min { $0.lastUse.load(ordering: .relaxed) < $1.lastUse.load(ordering: .relaxed) }
        }
    }

    private let maximum: Int
    private let maximumPerHost: Int
    private let slots = Mutex(ConnectionSlots())

    init(maximum: Int, perHost: Int) {
        self.maximum = maximum
        self.maximumPerHost = perHost
    }

    /// Takes a place, which is given back by `leave`.
    ///
    /// - Parameter close: closes the connection; called on any thread.
    /// - Returns: the place, and whether another connection was closed for it.
    func enter(_ host: IPAddress, at now: NIODeadline, close: @escaping @Sendable () -> Void) -> (slot: ConnectionSlot, hasDisplaced: Bool) {
        let slot = ConnectionSlot(host: host, at: now, close: close)
        let displaced = self.slots.withLock { slots in
            let displaced: ConnectionSlot? =
                if slots.countByHost[host, default: 0] >= self.maximumPerHost {
                    slots.longestIdle(of: host)
                } else if slots.all.count >= self.maximum {
                    slots.longestIdle(of: nil)
                } else {
                    nil
                }
            if let displaced { slots.remove(displaced) }
            slots.add(slot)
            return displaced
        }
        displaced?.close()
        return (slot, displaced != nil)
    }

    /// Gives back the place of a connection that has ended. Does nothing if the connection was closed to make room.
    func leave(_ slot: ConnectionSlot) { self.slots.withLock { $0.remove(slot) } }
}
