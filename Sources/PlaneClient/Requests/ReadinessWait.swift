import NATS
package import PlaneProtocol
import Synchronization

/// Waits until one backend is ready. Meanwhile any task may read `progress` in order to show it.
package final class ReadinessWait: Sendable {
    private let client: PlaneClient
    private let backend: BackendID
    private let limit: Duration
    private let start: ContinuousClock.Instant
    private let drone: DroneID?
    private let state: Mutex<ReadinessProgress>

    /// - Parameter drone: the drone whose notes about a long pull are wanted; nil for none.
    fileprivate init(_ client: PlaneClient, _ backend: BackendID, limit: Duration, since start: ContinuousClock.Instant, notesFrom drone: DroneID?) {
        self.client = client
        self.backend = backend
        self.limit = limit
        self.start = start
        self.drone = drone
        self.state = Mutex(ReadinessProgress(backend: backend))
    }

    package var progress: ReadinessProgress { self.state.withLock { $0 } }

    /// - Returns: the phases, as far as the drone has reported them.
    /// - Throws: `endedBeforeReady`, or `notReadyInTime`, which does not stop the backend.
    package func run() async throws(PlaneError) -> SpawnPhases? {
        let first = await withTaskGroup(of: Result<SpawnPhases?, PlaneError>?.self) { group -> Result<SpawnPhases?, PlaneError> in
            group.addTask {
                do throws(PlaneError) { return .success(try await self.follow()) } catch { return .failure(error) }
            }
            if let drone = self.drone { group.addTask { await self.listen(to: drone) } }
            group.addTask {
                // The sleep ends early when the wait is over, or when the task is cancelled.
                try? await Task.sleep(until: self.start + self.limit, clock: .continuous)
                return .failure(Task.isCancelled ? .cancelled : .notReadyInTime(self.backend, self.progress.state, limit: self.limit))
            }
            defer { group.cancelAll() }
            // A task that only listens for notes has no result.
            for await result in group { if let result { return result } }
            return .failure(.cancelled)
        }
        return try first.get()
    }

    private func follow() async throws(PlaneError) -> SpawnPhases? {
        let history = try await self.client.history(of: self.backend, follows: true)
        for try await message in history {
            switch self.state.withLock({ $0.apply(message) }) {
            case .waiting: continue
            case .ready(let phases): return phases
            case .ended(let message): throw .endedBeforeReady(message)
            }
        }
        throw .connectionEnded
    }

    /// Shows the drone's notes in the progress. The wait does not depend on them, so an error here does not end it.
    private func listen(to drone: DroneID) async -> Result<SpawnPhases?, PlaneError>? {
        // If the configuration of the stream of lines cannot be read, agents are assumed to publish as in 0.3.
        let namesDrones = (try? await self.client.agentsNameThemselves()) ?? false
        let subject =
            namesDrones
            ? BackendLogMessage.ownSubscription(backend: self.backend, drone: drone) : BackendLogMessage.subject(backend: self.backend)
        // Notes about other backends are skipped.
        let messages = try? self.client.published(BackendLogMessage.self, on: subject) { message in
            try? WireCodec.decode(BackendLogMessage.self, from: message.payload)
        }
        guard let messages else { return nil }
        for await message in messages { self.state.withLock { $0.apply(message) } }
        return nil
    }
}

extension PlaneClient {
    /// - Parameters:
    ///   - limit: longest wait.
    ///   - start: when the wait begins; for a limit that includes the schedule request, when that began.
    ///   - drone: the drone whose notes about a long pull are wanted in the progress; nil for none.
    package func readiness(
        of backend: BackendID, limit: Duration, since start: ContinuousClock.Instant = .now, notesFrom drone: DroneID? = nil
    ) -> ReadinessWait {
        ReadinessWait(self, backend, limit: limit, since: start, notesFrom: drone)
    }
}
