import DockerEngine

extension DockerEngineAdapter {
    /// Makes the network that this drone's containers join, if the agent is configured to make it and it does not exist.
    package func ensureNetwork() async throws(BackendEngineError) {
        guard let isolation = self.template.isolation else { return }
        let present: BridgeNetwork?
        do throws(EngineError) { present = try await self.client.network(named: isolation.name) } catch { throw BackendEngineError(error) }
        if let present { return try Self.check(present, isolation) }
        do throws(EngineError) {
            let network = BridgeNetwork(name: isolation.name, bridge: isolation.name, connectsContainers: false)
            try await self.client.createNetwork(network, labels: ["dev.plane.network": "true"])
        } catch {
            // The network may have been made by another request meanwhile.
            let made: BridgeNetwork?
            do throws(EngineError) { made = try await self.client.network(named: isolation.name) } catch { made = nil }
            guard let made else { throw BackendEngineError(error) }
            try Self.check(made, isolation)
        }
    }

    private static func check(_ network: BridgeNetwork, _ isolation: IsolatedNetwork) throws(BackendEngineError) {
        guard !network.connectsContainers, network.bridge == isolation.name else {
            throw BackendEngineError(
                .refused,
                "there is a network \(network.name) that is not isolated: remove it (docker network rm \(network.name)), or give the agent's another "
                    + "name by agent.docker.network")
        }
    }
}
