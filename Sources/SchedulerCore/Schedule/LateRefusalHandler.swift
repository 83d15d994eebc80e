import Logging
import LogKeys
import NATS
import PlaneProtocol
import PlaneService
import PlaneState

/// Frees the locks of backends that a drone refuses after the schedule request was answered. Until the refusal the drone might have run the
/// backend, so the backend kept the lock.
package struct LateRefusalHandler: Sendable {
    struct Refusal: Sendable {
        var backend: BackendID
        var drone: DroneID
        var cluster: ClusterName
    }

    /// Refusals kept at the same time, as many as a scheduler has requests. A later roll call finds what is dropped.
    private static let limit = 4096

    private let refusals: AsyncStream<Refusal>
    private let continuation: AsyncStream<Refusal>.Continuation

    package init() {
        (self.refusals, self.continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(Self.limit))
    }

    func add(_ refusal: Refusal) { self.continuation.yield(refusal) }

    /// Handles refusals until the task is cancelled.
    func run(fleet: StateStore, writer: StateWriter, logger: Logger) async {
        for await refusal in self.refusals {
            // Nothing is written if the drone has since reported a state, or another drone has the backend.
            guard let known = fleet.ask({ $0.backend(refusal.backend, in: refusal.cluster) }), known.state == nil, known.drone == refusal.drone
            else { continue }
            var metadata: Logger.Metadata = [
                LogKey.cluster: "\(refusal.cluster)", LogKey.drone: "\(refusal.drone)", LogKey.backend: "\(refusal.backend)",
            ]
            do {
                let end = BackendMessage(backend: refusal.backend, change: .state(.terminated, at: .now()))
                try await writer.writeOnce(.cluster(refusal.cluster, .backend(end)))
                logger.notice("drone has refused the backend after all, its lock is free", metadata: metadata)
            } catch {
                metadata[LogKey.error] = "\(error)"
                logger.warning("backend that its drone has refused cannot be written off", metadata: metadata)
            }
        }
    }
}
