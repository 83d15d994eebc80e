package import Logging
import NATS
package import PlaneMessaging
package import PlaneProtocol
import PlaneService
import Synchronization

/// How this drone speaks of itself and its backends: on subjects that name it, or on those of 0.3, which drones share.
///
/// Which of the two is heard depends on the schedulers (older ones know only the shared subjects, hardened ones only the drone's own) and
/// on what the NATS server permits this user. So one is tried, and where nobody takes the message there, the other; what worked is where
/// the next one goes first. Any order of upgrading schedulers, agents and permissions works.
package final class DroneMessenger: Sendable {
    private enum Subjects { case own, shared }

    /// While it is not known to be heard, the drone's own subject is given less time than a scheduler may take.
    private static let trialLimit = Duration.seconds(3)

    package let drone: DroneID
    private let bus: PlaneBus
    private let logger: Logger
    /// nil before anything was taken.
    private let proven = Mutex<Subjects?>(nil)

    package init(drone: DroneID, bus: PlaneBus, logger: Logger) {
        self.drone = drone
        self.bus = bus
        self.logger = logger
    }

    /// Says something until a scheduler has taken it, or nobody does on either subject.
    package func say<Content: DroneContent & PlaneRequest>(
        _ content: Content, timeout: Duration
    ) async throws(BusRequestError) -> Content.Reply {
        let proven = self.proven.withLock { $0 }
        let first = proven ?? .own
        do {
            let reply = try await self.say(content, on: first, timeout: proven == nil ? min(timeout, Self.trialLimit) : timeout)
            self.prefer(first)
            return reply
        } catch {
            guard Self.mayBeHeardElsewhere(error) else { throw error }
            let other: Subjects = first == .own ? .shared : .own
            let reply: Content.Reply
            do {
                reply = try await self.say(content, on: other, timeout: timeout)
            } catch let second {
                // A refusal says more than that nobody listens.
                if case .transport = second { throw error }
                throw second
            }
            self.prefer(other)
            return reply
        }
    }

    private func say<Content: DroneContent & PlaneRequest>(
        _ content: Content, on subjects: Subjects, timeout: Duration
    ) async throws(BusRequestError) -> Content.Reply {
        switch subjects {
        case .own: try await self.bus.request(DroneStatement(content), timeout: timeout)
        case .shared: try await self.bus.request(content, timeout: timeout)
        }
    }

    /// Nobody listens, the server does not let us speak, or the scheduler does not hear drones on this subject.
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

    /// The connection was broken: schedulers or permissions may be new.
    package func forgetWorkingSubject() {
        self.proven.withLock { $0 = nil }
    }
}
