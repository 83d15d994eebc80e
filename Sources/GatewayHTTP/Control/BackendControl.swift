import GatewayCore
import PlaneClient
import PlaneMessaging
import PlaneProtocol
import PlaneState

/// Ends backends and drains drones.
struct BackendControl: Sendable {
    let fleet: Fleet

    /// How long an agent may take to answer. It answers within milliseconds, once it has stored the request.
    private static let limit: Duration = .seconds(5)

    /// Ends a backend. Returns when the drone has stored that the backend is to end, or when the backend has ended.
    func terminate(_ backend: BackendID, _ kind: BackendEnding.Kind, requestedBy requester: String?) async throws(GatewayError) {
        guard let located = self.fleet.locate(backend) else {
            // The state forgets an ended backend before its history is deleted.
            _ = try await StatusReader(fleet: self.fleet).status(of: backend)
            return
        }
        guard !(located.view.state?.isTerminal ?? false) else { return }
        var request = TerminationRequest(cluster: located.cluster, backendID: backend, requestedBy: requester)
        if kind == .hard { request.kind = .hard }
        do throws(BusRequestError) {
            _ = try await self.fleet.client.bus.request(request, timeout: Self.limit)
        } catch {
            // The backend may have ended just now. Then nobody answers, and the request is fulfilled.
            if self.fleet.locate(backend)?.view.state?.isTerminal ?? true { return }
            throw GatewayError(.other, detail: "The drone of the backend does not answer.", retryAfterSeconds: 5, internalCause: "\(error)")
        }
    }

    /// - Returns: Whether this has changed the drone's state.
    func drain(_ drone: DroneID, in cluster: ClusterName, _ drains: Bool) async throws(GatewayError) -> Bool {
        guard let view = self.fleet.drone(drone, in: cluster) else {
            if ProxyID(rawValue: drone.rawValue).map({ id in self.fleet.proxies(in: cluster).contains { $0.id == id } }) ?? false {
                throw GatewayError(.other, detail: "\(drone) is a proxy.")
            }
            throw .droneNotFound
        }
        let wasDraining = view.state == .draining || view.state == .drained
        do throws(BusRequestError) {
            _ = try await self.fleet.client.bus.request(DrainDrone(drone: drone, cluster: cluster, drain: drains), timeout: Self.limit)
        } catch {
            throw GatewayError(.other, detail: "The drone does not answer.", retryAfterSeconds: 5, internalCause: "\(error)")
        }
        return wasDraining != drains
    }
}
