import ACME
import Foundation
import Logging
import LogKeys
import NATS
import PlaneService

extension CertificateRefresher {
    /// What to do now about a certificate that is due, if drones share one.
    enum Turn {
        case order
        /// Another drone's pair was taken over.
        case adopted
        /// Another drone is ordering, or its order has failed: nothing is to be done before this time.
        case hold(until: Date, because: OrderDeferral)
        case failed(any Error)
    }

    enum OrderDeferral: Error, Hashable, CustomStringConvertible {
        case othersOrder
        case afterFailure(until: Date)

        var description: String {
            switch self {
            case .othersOrder: "another drone of the cluster orders it"
            case .afterFailure(let until):
                "an order of another drone of the cluster failed, the next one is at \(until.formatted(.iso8601)); the log over there says why"
            }
        }
    }

    /// Seconds between two looks for the pair of a drone that is ordering, which takes it some seconds.
    static let otherOrderPause: TimeInterval = 15
    /// Seconds between two looks for a new pair after another drone's order has failed: a person may have corrected the cause.
    static let otherFailurePause: TimeInterval = 600
    /// Seconds for which `--once` waits for another drone's order.
    static let otherOrderLimit: TimeInterval = 300

    /// Seconds after which another drone's lease is not respected any more. An order takes a quarter of an hour at most; a drone that holds the
    /// lease for longer must not let the certificate of all expire.
    static let othersOrderPatience: TimeInterval = 3600

    /// What this drone has to do. It ignores another drone that has been ordering for longer than an order can take.
    /// - Parameter since: when the other drone was first found ordering.
    func patientTurn(_ current: CertificatePair?, since: Date?) async throws -> Turn {
        let turn = try await self.turn(current)
        guard case .hold(_, .othersOrder) = turn, let since, self.time.now().timeIntervalSince(since) > Self.othersOrderPatience else { return turn }
        self.logger.warning("another drone keeps the lease and shares no certificate; this drone orders its own")
        return .order
    }

    private func turn(_ current: CertificatePair?) async throws -> Turn {
        guard let sharing = self.sharing else { return .order }
        do {
            if try await self.adopt(from: sharing, current) { return .adopted }
            let now = self.time.now()
            switch try await sharing.takeLease(now: now, isUrgent: self.options.runsOnce) {
            case .othersOrder:
                return .hold(until: now.addingTimeInterval(Self.otherOrderPause), because: .othersOrder)
            case .afterFailure(let until):
                return .hold(until: min(until, now.addingTimeInterval(Self.otherFailurePause)), because: .afterFailure(until: until))
            case .ours:
                // Another drone may have shared a pair since the first look.
                guard try await self.adopt(from: sharing, current) else { return .order }
                await sharing.endLease(failedUntil: nil, now: now)
                return .adopted
            }
        } catch {
            try Task.checkCancellation()
            // Without NATS the challenge cannot be published either. Any other error means that the fleet has no such stream, and each drone
            // orders its own.
            guard let error = error as? NATSError, !error.isRetryable else { return .failed(error) }
            self.logger.warning("certificates cannot be shared; this drone orders its own", metadata: [LogKey.error: "\(error)"])
            return .order
        }
    }

    /// Takes over the shared pair if it is newer than the pair on the disk and not itself due. The pair on the disk counts even if it cannot be served:
    /// otherwise whoever can write to NATS could have an older pair installed again, whose key may have become known.
    private func adopt(from sharing: any CertificateSharing, _ current: CertificatePair?) async throws -> Bool {
        let shared: CertificatePair?
        do {
            shared = try await sharing.latest()
        } catch let error as CertificateSealer.Broken {
            // The pair was sealed with another secret. The drone that orders next replaces it.
            self.logger.warning("the shared certificate is passed over", metadata: [LogKey.error: "\(error)"])
            return false
        }
        let ours = [current?.chain.notBefore, try self.files.notBefore].compactMap { $0 }.max() ?? .distantPast
        guard let pair = shared, pair.chain.notBefore > ours,
            self.time.now() < RenewalMachine.renewalTime(of: RenewalMachine.Certificate(pair.chain)),
            (try? pair.check(names: self.options.names, now: self.time.now())) != nil
        else { return false }
        try self.files.install(pair, names: self.options.names, now: self.time.now())
        self.logger.notice("certificate taken over from another drone", metadata: [LogKey.certificate: "\(pair)"])
        return true
    }

    func share(_ pair: CertificatePair) async {
        guard let sharing = self.sharing else { return }
        do {
            try await sharing.share(pair)
        } catch {
            // The other drones will order certificates of their own.
            self.logger.warning("the new certificate could not be shared", metadata: [LogKey.error: "\(error)"])
        }
        await sharing.endLease(failedUntil: nil, now: self.time.now())
    }
}
