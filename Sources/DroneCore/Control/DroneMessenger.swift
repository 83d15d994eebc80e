package import Logging
import NATS
package import PlaneMessaging
package import PlaneProtocol
import PlaneService
import Synchronization

/// Sends this drone's messages about itself and its backends to the schedulers: on subjects that name the drone, or on those of 0.3, which all drones share.
///
/// Which of the two is heard depends on the schedulers (old ones know only the shared subjects, hardened ones listen only to the drones' own) and on the
/// permissions of the NATS user. So one is tried and, if nobody takes the message there, the other. The one that worked is tried first the next time.
/// Schedulers, agents and permissions may be upgraded in any order.
package final class DroneMessenger: Sendable {
    private enum Subjects { case own, shared }

    /// The time limit on the drone's own subject while it is not known to be heard: less than a scheduler may take.
    private static let trialLimit = Duration.seconds(3)

    package let drone: DroneID
    private let bus: PlaneBus
    private let logger: Logger
    /// The subjects that worked last; nil before any did.
    private let proven = Mutex<Subjects?>(nil)

    package init(drone: DroneID, bus: PlaneBus, logger: Logger) {
        self.drone = drone
        self.bus = bus
        self.logger = logger
    }

    /// Sends a message until a scheduler has taken it, or nobody has on either subject.
    package func send<Content: DroneContent & PlaneRequest>(
        _ content: Content, timeout: Duration
    ) async throws(BusRequestError) -> Content.Reply {
        let proven = self.proven.withLock { $0 }
        let first = proven ?? .own
        do {
            let reply = try await self.send(content, on: first, timeout: proven == nil ? min(timeout, Self.trialLimit) : timeout)
            self.prefer(first)
            return reply
        } catch {
            guard Self.mayBeHeardElsewhere(error) else { throw error }
            let other: Subjects = first == .own ? .shared : .own
            let reply: Content.Reply
            do {
                reply = try await self.send(content, on: other, timeout: timeout)
            } catch let second {
                // If the first attempt was refused, that error says more than that nobody listens on the other subject.
                if case .transport = second { throw error }
                throw second
            }
            self.prefer(other)
            return reply
        }
    }

    private func send<Content: DroneContent & PlaneRequest>(
        _ content: Content, on subjects: Subjects, timeout: Duration
    ) async throws(BusRequestError) -> Content.Reply {
        switch subjects {
        case .own: try await self.bus.request(DroneStatement(content), timeout: timeout)
        case .shared: try await self.bus.request(content, timeout: timeout)
        }
    }

    /// Whether the message may be heard on the other subjects: nobody listens, the server does not permit publishing, or the scheduler does not hear drones
    /// on this subject.
    private static func mayBeHeardElsewhere(_ failure: BusRequestError) -> Bool {
        switch failure {
        case .transport(let error): [.noResponders, .timedOut, .permissionDenied].contains(error.code)
        case .refused(let reply): reply.code == .notPermitted
        case .unreadable: false
        }
    }

    private func prefer(_ subjects: Subjects) {
        let before = self.proven.withLock { proven in
            defer { proven = subjects }
            return proven
        }
        guard before != subjects else { return }
        switch subjects {
        case .own: self.logger.info("schedulers hear this drone on its own subjects")
        case .shared:
            self.logger.notice(
                "schedulers or NATS permissions are older than this agent: it speaks on the subjects that all drones share")
        }
    }

    /// Called after the connection was broken, since schedulers or permissions may have changed.
    package func forgetWorkingSubject() {
        self.proven.withLock { $0 = nil }
    }
}
