package import ACME
package import Foundation
package import Logging
package import NATS
package import PlaneProtocol
import LogKeys
import PlaneMessaging
import PlaneService

/// Shares through the stream `plane_certificates`, which keeps the last message of each subject: the sealed pair, and the lease. The lease is only written if
/// the message on its subject is still the one that was read.
package final class SharedStream: CertificateSharing {
    /// The stream is made by schedulers, like all streams.
    package static let stream = "plane_certificates"

    private let pairSubject: String
    private let sealer: CertificateSealer
    private let jetStream: JetStream
    private let logger: Logger
    /// The name under which this process holds a lease.
    private let process: String
    private let lease: StreamLease
    private let time: CertificateRefresher.Time

    package init(cluster: ClusterName, sealer: CertificateSealer, jetStream: JetStream, time: CertificateRefresher.Time = .init(), logger: Logger) {
        self.sealer = sealer
        self.jetStream = jetStream
        self.time = time
        self.logger = logger
        var generator = SystemRandomNumberGenerator()
        self.process = BackendID.random(using: &generator).rawValue
        let prefix = "certificate.cluster.\(cluster.subjectToken)"
        self.pairSubject = "\(prefix).pair"
        self.lease = StreamLease(stream: Self.stream, subject: "\(prefix).lease", duration: CertificateLease.duration, jetStream: jetStream)
    }

    package func latest() async throws -> CertificatePair? {
        guard let message = try await self.jetStream.lastMessage(stream: Self.stream, subject: self.pairSubject) else { return nil }
        return try self.sealer.open(message.payload)
    }

    package func share(_ pair: CertificatePair) async throws {
        _ = try await self.jetStream.publish(try self.sealer.seal(pair), to: self.pairSubject)
    }

    package func takeLease(now: Date, isUrgent: Bool) async throws -> OrderPermission {
        let message = try await self.lease.read()
        if let message, let standing = CertificateLease.read(message.payload) {
            let isAlive = self.lease.isAlive(message.sequence)
            let turn = standing.turn(of: self.process, isAlive: isAlive, isUrgent: isUrgent, at: now)
            guard turn == .ours else { return turn }
        }
        do {
            try await self.lease.write(try self.order(from: now), replacing: message?.sequence ?? 0)
            return .ours
        } catch let error as NATSError where error.code == .wrongLastSequence || error.code == .sequenceBusy {
            return .othersOrder
        }
    }

    package func whileKeepingLease<Result: Sendable>(_ work: () async -> Result) async -> Result {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                // The loop is cancelled when the work is done.
                while (try? await self.time.sleep(CertificateLease.renewal)) != nil {
                    do {
                        try await self.lease.renew(try self.order(from: self.time.now()))
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
        let last = CertificateLease(
            holder: self.process, until: time?.timeIntervalSince1970 ?? 0, failedAt: time == nil ? nil : now.timeIntervalSince1970)
        do {
            try await self.lease.end(with: try last.encoded())
        } catch {
            // The lease ends by its age, or another drone has it by now.
            self.logger.notice("the lease could not be given up", metadata: [LogKey.error: "\(error)"])
        }
    }

    /// The message that says that this process orders from now on.
    private func order(from now: Date) throws -> [UInt8] {
        let until = now.addingTimeInterval(TimeInterval(CertificateLease.duration.components.seconds))
        return try CertificateLease(holder: self.process, until: until.timeIntervalSince1970).encoded()
    }
}
