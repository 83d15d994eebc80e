package import ACME
package import Foundation
package import Logging
package import NATS
package import PlaneProtocol
import PlaneService
import Synchronization

/// Shares through the stream `plane_certificates`, which keeps the last message of each subject: the sealed pair, and the lease, which
/// is written only where the message that was read still stands.
package final class SharedStream: CertificateSharing {
    /// Made by schedulers, like all streams.
    package static let stream = "plane_certificates"

    private let cluster: ClusterName
    private let seal: PairSeal
    private let jetStream: JetStream
    private let logger: Logger
    /// Names this process as the holder of a lease.
    private let process: String
    /// Sequence of our lease in the stream; nil while we have none.
    private let held = Mutex<UInt64?>(nil)

    package init(cluster: ClusterName, seal: PairSeal, jetStream: JetStream, logger: Logger) {
        self.cluster = cluster
        self.seal = seal
        self.jetStream = jetStream
        self.logger = logger
        var generator = SystemRandomNumberGenerator()
        self.process = BackendID.random(using: &generator).rawValue
    }

    private var prefix: String { "certificate.cluster.\(self.cluster.subjectToken)" }
    private var pairSubject: String { "\(self.prefix).pair" }
    private var leaseSubject: String { "\(self.prefix).lease" }

    package func latest() async throws -> CertificatePair? {
        guard let message = try await self.jetStream.lastMessage(stream: Self.stream, subject: self.pairSubject) else { return nil }
        return try self.seal.open(message.payload)
    }

    package func share(_ pair: CertificatePair) async throws {
        _ = try await self.jetStream.publish(try self.seal.seal(pair), to: self.pairSubject)
    }

    package func takeLease(now: Date, isUrgent: Bool) async throws -> CertificateTurn {
        let message = try await self.jetStream.lastMessage(stream: Self.stream, subject: self.leaseSubject)
        if let lease = message.flatMap({ CertificateLease.read($0.payload) }) {
            let turn = lease.turn(of: self.process, isUrgent: isUrgent, at: now)
            guard turn == .ours else { return turn }
        }
        do {
            try await self.write(self.lease(from: now), replacing: message?.sequence ?? 0)
            return .ours
        } catch let error as NATSError where error.code == .wrongLastSequence || error.code == .sequenceBusy {
            return .othersOrder
        }
    }

    package func whileKeepingLease<Result: Sendable>(_ work: () async -> Result) async -> Result {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                // Cancelled when the work is done.
                while (try? await Task.sleep(for: CertificateLease.renewal)) != nil {
                    guard let held = self.held.withLock({ $0 }) else { return }
                    do {
                        try await self.write(self.lease(from: Date()), replacing: held)
                    } catch {
                        self.logger.notice("the lease could not be renewed", metadata: [LogKey.error: "\(error)"])
                    }
                }
            }
            let result = await work()
            group.cancelAll()
            return result
        }
    }

    package func endLease(failedUntil time: Date?, now: Date) async {
        guard let held = self.held.withLock({ $0 }) else { return }
        let lease = CertificateLease(
            holder: self.process, until: time?.timeIntervalSince1970 ?? 0, failedAt: time == nil ? nil : now.timeIntervalSince1970)
        do {
            try await self.write(lease, replacing: held)
        } catch {
            // It ends by itself, or is another drone's by now.
            self.logger.notice("the lease could not be given up", metadata: [LogKey.error: "\(error)"])
        }
        self.held.withLock { $0 = nil }
    }

    private func lease(from now: Date) -> CertificateLease {
        CertificateLease(holder: self.process, until: now.timeIntervalSince1970 + CertificateLease.duration)
    }

    private func write(_ lease: CertificateLease, replacing sequence: UInt64) async throws {
        let stored = try await self.jetStream.publish(
            [UInt8](try JSONEncoder().encode(lease)), to: self.leaseSubject, expectedLastSubjectSequence: sequence)
        self.held.withLock { $0 = stored.sequence }
    }
}
