import Foundation

/// What stands on a cluster's lease subject: who orders a certificate, and until when others leave it alone.
struct CertificateLease: Codable, Hashable {
    /// How long others wait for a drone that was cut off while it ordered.
    static let duration: Duration = .seconds(120)
    /// Clocks of drones differ by less than this.
    private static let clockTolerance: TimeInterval = 120
    /// A failure further ahead than a retry can be is nobody's.
    private static let longestRetry: TimeInterval = 8 * 86_400
    /// Between renewals by the drone that orders.
    static let renewal: Duration = .seconds(30)
    /// A failure is respected so long by somebody who is in a hurry: as long as by a service that was started anew.
    static let recent: TimeInterval = AttemptMark.pause

    /// Of the process.
    var holder: String
    /// Seconds since 1970, by the holder's clock: while the order goes on for those that have just come; after a failure for all.
    var until: Double
    /// Seconds since 1970; nil while the order goes on.
    var failedAt: Double?

    /// nil if what stands there is not ours to understand: then it does not keep anybody.
    static func read(_ bytes: [UInt8]) -> CertificateLease? {
        try? JSONDecoder().decode(CertificateLease.self, from: Data(bytes))
    }

    func encoded() throws -> [UInt8] { [UInt8](try JSONEncoder().encode(self)) }

    /// Whose turn it is for `process`.
    /// - Parameter isAlive: Whether it was renewed for as long as we have known of it; see `StreamLease`.
    func turn(of process: String, isAlive: Bool, isUrgent: Bool, at now: Date) -> CertificateTurn {
        let seconds = now.timeIntervalSince1970
        guard let failedAt = self.failedAt else {
            // What ended long ago by any clock need not be watched first.
            guard isAlive, seconds - self.until < Self.clockTolerance else { return .ours }
            return self.holder == process ? .ours : .othersOrder
        }
        guard self.until > seconds, self.until - seconds < Self.longestRetry else { return .ours }
        if isUrgent, seconds - failedAt >= Self.recent { return .ours }
        return .afterFailure(until: Date(timeIntervalSince1970: self.until))
    }
}
