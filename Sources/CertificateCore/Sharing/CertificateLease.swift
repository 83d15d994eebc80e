import Foundation

/// What stands on a cluster's lease subject: who orders a certificate, and until when others leave it alone.
struct CertificateLease: Codable, Hashable {
    /// How long others wait for a drone that was cut off while it ordered. Clocks that differ by less than this do no harm.
    static let duration: TimeInterval = 120
    /// Between renewals by the drone that orders.
    static let renewal: Duration = .seconds(30)
    /// A failure is respected so long by somebody who is in a hurry: as long as by a service that was started anew.
    static let recent: TimeInterval = AttemptMark.pause

    /// Of the process.
    var holder: String
    /// Seconds since 1970, by the holder's clock.
    var until: Double
    /// Seconds since 1970; nil while the order goes on.
    var failedAt: Double?

    /// nil if what stands there is not ours to understand: then it does not keep anybody.
    static func read(_ bytes: [UInt8]) -> CertificateLease? {
        try? JSONDecoder().decode(CertificateLease.self, from: Data(bytes))
    }

    /// Whose turn it is for `process`. A time further ahead than a lease or a retry can be is nobody's.
    func turn(of process: String, isUrgent: Bool, at now: Date) -> CertificateTurn {
        let seconds = now.timeIntervalSince1970
        let longest = self.failedAt == nil ? 2 * Self.duration : 8 * 86_400
        guard self.until > seconds, self.until - seconds < longest else { return .ours }
        guard let failedAt = self.failedAt else { return self.holder == process ? .ours : .othersOrder }
        if isUrgent, seconds - failedAt >= Self.recent { return .ours }
        return .afterFailure(until: Date(timeIntervalSince1970: self.until))
    }
}
