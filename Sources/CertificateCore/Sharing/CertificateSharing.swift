package import ACME
package import Foundation

/// Whose turn it is to order.
package enum CertificateTurn: Hashable, Sendable {
    case ours
    /// Another drone is ordering, and will have shared its pair within seconds.
    case othersOrder
    /// An order failed, and nobody tries again before this time.
    case afterFailure(until: Date)
}

/// How the drones of a cluster come to one certificate instead of one each.
///
/// Whoever holds the lease orders; the others take what was ordered. A lease is a courtesy and no lock: when its holder
/// hangs for longer than it lasts, two drones order at the same time, and then there are two certificates, both good.
package protocol CertificateSharing: Sendable {
    /// The pair that was shared last; nil if there is none.
    /// - Throws: `PairSeal.Broken` for one that was sealed with another secret.
    func latest() async throws -> CertificatePair?
    func share(_ pair: CertificatePair) async throws
    /// Takes the lease if nobody has it.
    /// - Parameter isUrgent: a failure that is not quite recent does not count: somebody may have put things right.
    func takeLease(now: Date, isUrgent: Bool) async throws -> CertificateTurn
    /// Keeps the lease while `work` lasts. One that is not renewed ends after `CertificateLease.duration`.
    func whileKeepingLease<Result: Sendable>(_ work: () async -> Result) async -> Result
    /// Gives the lease up, if we have it; after a failure, with others kept from trying before `time`.
    func endLease(failedUntil time: Date?, now: Date) async
}
