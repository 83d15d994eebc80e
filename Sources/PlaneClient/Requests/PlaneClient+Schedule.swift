import NATS
package import PlaneProtocol
import Timing

extension PlaneClient {
    /// Schedules a backend, or finds the holder of the lock.
    ///
    /// If the request has no backend id it gets one. That makes it harmless to repeat: a backend from an attempt whose answer was lost is found by its id. So
    /// the request is repeated both when there was no answer and when nothing was done. Schedulers accept no id a second time, so after a refusal the
    /// repetition has another one, except where the caller has chosen it.
    /// - Throws: `noDroneAvailable`, `refused`, or why there was no answer; then `mayHaveTakenEffect` says whether a backend with this id may run
    ///   nevertheless.
    package func schedule(
        _ request: ScheduleRequest, retry: ScheduleRetry = .standard
    ) async throws(PlaneError) -> ScheduledBackend {
        var request = request
        var generator = SystemRandomNumberGenerator()
        let isIDChosen = request.backendID != nil
        if !isIDChosen { request.backendID = .random(using: &generator) }
        var silence: PlaneError?
        // Why an earlier attempt was refused.
        var refusal: PlaneError?
        do throws(PlaneError) {
            return try await self.attemptSchedule(retry, { request }) { (reply, reason, silent) async throws(PlaneError) -> ScheduledBackend in
                try await self.read(reply, reason, of: request, after: silent)
            } again: { failure, silent in
                silence = silent
                if case .refused(let reply) = failure, silence == nil {
                    if reply.code == .backendExists, refusal != nil { return false }
                    refusal = failure
                    if !isIDChosen { request.backendID = .random(using: &generator) }
                }
                // Waiting for a drone is left to the caller, since it takes longer than these pauses.
                if case .noDroneAvailable = failure { return false }
                return failure.isRetryable
            }
        } catch {
            if case .refused(let reply) = error, reply.code == .backendExists, silence == nil, let refusal { throw refusal }
            throw Self.worse(error, silence)
        }
    }

    /// Sends a schedule request, and again after each pause of `retry`, until an answer is one to the caller. The state is not asked.
    /// - Parameters:
    ///   - request: the request of the next attempt.
    ///   - read: what the caller makes of an answer; what it throws is a failure of the attempt. `silence` is why an earlier attempt had no answer, if one had
    ///     none: it may have been carried out nevertheless.
    ///   - again: whether another attempt is worthwhile after this failure. Called after every failure but that of the last attempt, which may follow it.
    package func attemptSchedule<Answer>(
        _ retry: ScheduleRetry, _ request: () -> ScheduleRequest,
        read: (_ reply: ScheduleReply, _ reason: ErrorReply?, _ silence: PlaneError?) async throws(PlaneError) -> Answer,
        again: (_ failure: PlaneError, _ silence: PlaneError?) -> Bool
    ) async throws(PlaneError) -> Answer {
        var silence: PlaneError?
        func attempt() async throws(PlaneError) -> Answer {
            guard !Task.isCancelled else { throw .cancelled }
            do throws(PlaneError) {
                let (reply, reason) = try await self.request(request(), of: .scheduler, limit: retry.currentLimit)
                return try await read(reply, reason, silence)
            } catch {
                if error.mayHaveTakenEffect { silence = error }
                throw error
            }
        }
        guard let pauses = retry.pauses else { return try await attempt() }
        return try await pauses.attempt(before: retry.end, if: { again($0, silence) }, attempt)
    }

    /// - Parameter silence: why an earlier attempt had no answer, if one had none.
    private func read(
        _ reply: ScheduleReply, _ reason: ErrorReply?, of request: ScheduleRequest, after silence: PlaneError?
    ) async throws(PlaneError) -> ScheduledBackend {
        switch reply {
        case .scheduled(var backend):
            // The lock's holder is the backend of our own earlier attempt, so it was spawned for this request.
            if silence != nil, backend.backendID == request.backendID { backend.spawned = true }
            return backend
        case .noDroneAvailable: throw .noDroneAvailable(request.cluster, reason: reason)
        case .error(let error) where error.code == .backendExists:
            guard let silence else { throw .refused(error) }
            guard let id = request.backendID, let assignment = try await self.assignment(of: id, for: request) else { throw .refused(error) }
            if let ended = try await self.newestState(of: id), ended.state.isTerminal { throw .endedBeforeReady(ended) }
            // The token was in the lost answer, and may be in no place that this client may read.
            guard !request.requireBearerToken || assignment.bearerToken != nil else { throw silence }
            return ScheduledBackend(drone: assignment.drone, backendID: id, bearerToken: assignment.bearerToken, spawned: true)
        case .error(let error): throw .refused(error)
        }
    }

    /// What the state says about a backend that an earlier attempt may have scheduled.
    private func assignment(of backend: BackendID, for request: ScheduleRequest) async throws(PlaneError) -> BackendAssignment? {
        guard let anyDrone = DroneID(rawValue: "any") else { return nil }
        // The subject depends on the lock, but not on the drone or the announcement.
        let lock = request.lock.map { LockAssignment(lock: $0, uid: LockUID(rawValue: 0)) }
        let wanted = StateMessage.cluster(
            request.cluster,
            .backend(BackendMessage(backend: backend, change: .assignment(BackendAssignment(drone: anyDrone, lockAssignment: lock)))))
        guard case .cluster(_, .backend(let told))? = try await self.lastStateMessage(on: wanted.subject), case .assignment(let assignment) = told.change
        else { return nil }
        return assignment
    }

    /// The error to throw: that nobody listens now does not mean that an earlier attempt was not carried out.
    private static func worse(_ last: PlaneError, _ silence: PlaneError?) -> PlaneError {
        guard let silence, case .notAnswered = last else { return last }
        return silence
    }
}
