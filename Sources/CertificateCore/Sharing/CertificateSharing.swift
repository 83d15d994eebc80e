package import ACME
package import Foundation

/// Whether this drone may order.
package enum OrderPermission: Hashable, Sendable {
    case ours
    /// Another drone is ordering, and will share its pair within seconds.
    case othersOrder
    /// An order has failed, and nobody tries again before this time.
    case afterFailure(until: Date)
}

/// Lets the drones of a cluster share one certificate instead of ordering one each.
///
/// The drone that holds the lease orders; the others take its pair over. The lease saves orders and excludes nothing: if its holder hangs for longer
/// than it lasts, two drones order at the same time, and there are two certificates, both valid.
package protocol CertificateSharing: Sendable {
    /// The pair that was shared last; nil if there is none.
    /// - Throws: `CertificateSealer.Broken` for one that was sealed with another secret.
    func latest() async throws -> CertificatePair?
    func share(_ pair: CertificatePair) async throws
    /// Takes the lease if no other process has it.
    /// - Parameter isUrgent: ignores a failure that is not recent, because a person may have corrected the cause.
    func takeLease(now: Date, isUrgent: Bool) async throws -> OrderPermission
    /// Renews the lease while `work` runs. A lease that is not renewed ends after `CertificateLease.duration`.
    func whileKeepingLease<Result: Sendable>(_ work: () async -> Result) async -> Result
    /// Gives the lease up, if this process has it. After a failure, the others do not order before `time`.
    func endLease(failedUntil time: Date?, now: Date) async
}
