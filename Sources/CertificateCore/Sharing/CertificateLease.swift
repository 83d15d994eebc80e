import Foundation

/// The message on a cluster's lease subject: which process orders a certificate, and until when the others do not.
struct CertificateLease: Codable, Hashable {
    /// Time for which others wait for a drone that was cut off while it ordered.
    static let duration: Duration = .seconds(120)
    /// Clocks of drones differ by less than this.
    private static let clockTolerance: TimeInterval = 120
    /// Seconds; the end of a pause after a failure that lies further ahead is ignored, since no retry waits so long.
    private static let longestRetry: TimeInterval = 8 * 86_400
    /// Interval between renewals by the drone that orders.
    static let renewal: Duration = .seconds(30)
    /// Seconds for which a drone without a certificate respects another one's failure: as long as a restarted service does.
    static let recent: TimeInterval = FailedOrderMarker.pause

    /// Id of the process that has the lease.
    var holder: String
    /// Seconds since 1970, by the holder's clock. During an order, processes that have just started wait until then; after a failure all do.
    var until: Double
    /// Seconds since 1970; nil during an order.
    var failedAt: Double?

    /// Reads a lease; nil if the message cannot be read, which then stops nobody from ordering.
    static func read(_ bytes: [UInt8]) -> CertificateLease? {
        try? JSONDecoder().decode(CertificateLease.self, from: Data(bytes))
    }

    func encoded() throws -> [UInt8] { [UInt8](try JSONEncoder().encode(self)) }

    /// Whether `process` may order.
    /// - Parameter isAlive: whether the lease is still being renewed; see `StreamLease`.
    func turn(of process: String, isAlive: Bool, isUrgent: Bool, at now: Date) -> OrderPermission {
        let seconds = now.timeIntervalSince1970
        guard let failedAt = self.failedAt else {
            // A lease that ended long ago by any clock counts as free at once.
            guard isAlive, seconds - self.until < Self.clockTolerance else { return .ours }
            return self.holder == process ? .ours : .othersOrder
        }
        guard self.until > seconds, self.until - seconds < Self.longestRetry else { return .ours }
        if isUrgent, seconds - failedAt >= Self.recent { return .ours }
        return .afterFailure(until: Date(timeIntervalSince1970: self.until))
    }
}
