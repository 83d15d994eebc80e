package import DroneStore
package import Logging
package import PlaneProtocol
import LogKeys
import PlaneService

/// Answers termination requests, which every agent of the cluster receives.
///
/// Only the drone that has the backend answers, once it is stored that the backend's end has begun. From then on the proxy sends nothing there, and no crash
/// can bring the backend back. The end itself is reported when the process is gone. Agents of 0.3.24 all answer at once, whether or not they have the
/// backend, so their answers say nothing. A sender that gets no answer from our agents knows that the owner has not received the request, and sends it again.
package struct TerminationHandler: Sendable {
    package var registry: BackendRegistry
    package var store: DroneStore
    package var logger: Logger

    package init(registry: BackendRegistry, store: DroneStore, logger: Logger) {
        self.registry = registry
        self.store = store
        self.logger = logger
    }

    /// - Returns: Whether to answer.
    package func handle(_ request: TerminationRequest) async -> Bool {
        do throws(StoreError) {
            guard let record = try await self.store.backend(request.backendID) else { return false }
            guard !record.state.isTerminal else { return true }  // as asked
            await self.registry.takeOn(record)
            await self.registry.supervisor(of: request.backendID)?.terminate(
                request.kind, requestedBy: request.requestedBy.map { BackendStatusDetail.requester($0) })
            guard let after = try await self.store.backend(request.backendID) else { return false }
            guard let ending = after.ending?.ending else { return after.state.isTerminal }
            return after.state.isTerminal || request.kind == .soft || ending.kind == .hard
        } catch {
            guard !Task.isCancelled else { return false }
            self.logger.error(
                "termination request not served", metadata: [LogKey.backend: "\(request.backendID)", LogKey.error: "\(error)"])
            return false
        }
    }
}
