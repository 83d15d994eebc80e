import DockerEngine

extension DockerEngineAdapter {
    /// How often Docker is asked for a network that it has refused to make once more, and how long after the last time.
    private static let looks = 20
    private static let pause = Duration.milliseconds(50)

    /// Makes the network that this drone's containers join, if the agent is configured to make it and it does not exist. However many starts miss it, it is
    /// made once.
    package func ensureNetwork() async throws(BackendEngineError) {
        guard let isolation = self.template.isolation else { return }
        guard try await !self.isPresent(isolation) else { return }
        try await self.networkCreation.run { () async throws(BackendEngineError) in try await self.make(isolation) }
    }

    private func make(_ isolation: IsolatedNetwork) async throws(BackendEngineError) {
        // Whoever was at it before may have made it.
        guard try await !self.isPresent(isolation) else { return }
        let made: String
        do throws(EngineError) {
            let network = BridgeNetwork(name: isolation.name, bridge: isolation.name, connectsContainers: false)
            made = try await self.client.createNetwork(network, labels: ["dev.plane.network": "true"])
        } catch {
            guard try await self.appears(isolation, after: error) else { throw BackendEngineError(error) }
            return
        }
        do throws(EngineError) {
            // Docker does not always see that another one is being made, and refuses containers for both of them then.
            guard try await self.client.networks(named: isolation.name).count > 1 else { return }
            try await self.client.removeNetwork(made)
        } catch {
            throw BackendEngineError(error)
        }
        guard try await self.isPresent(isolation) else {
            throw BackendEngineError(.unavailable, "network \(isolation.name) was made by two at the same time, and removed by both")
        }
    }

    /// Whether somebody else has made the network meanwhile: another process, or a request of this one whose answer did not arrive. Docker refuses a second
    /// network of a name, or of a bridge, a moment before it lists the first.
    private func appears(_ isolation: IsolatedNetwork, after error: EngineError) async throws(BackendEngineError) -> Bool {
        for _ in 0..<Self.looks {
            let found: [BridgeNetwork]
            do throws(EngineError) { found = try await self.client.networks(named: isolation.name) } catch { return false }
            if !found.isEmpty {
                try Self.check(found, isolation)
                return true
            }
            switch error.code {
            case .conflict, .badRequest: guard (try? await Task.sleep(for: Self.pause)) != nil else { return false }
            default: return false
            }
        }
        return false
    }

    private func isPresent(_ isolation: IsolatedNetwork) async throws(BackendEngineError) -> Bool {
        let found: [BridgeNetwork]
        do throws(EngineError) { found = try await self.client.networks(named: isolation.name) } catch { throw BackendEngineError(error) }
        guard !found.isEmpty else { return false }
        try Self.check(found, isolation)
        return true
    }

    private static func check(_ found: [BridgeNetwork], _ isolation: IsolatedNetwork) throws(BackendEngineError) {
        guard found.count == 1, let network = found.first else {
            throw BackendEngineError(
                .refused,
                "there are \(found.count) networks \(isolation.name), and Docker does not know which of them is meant: remove all but one "
                    + "(docker network rm ID, of \(found.compactMap(\.id).joined(separator: ", ")))")
        }
        guard !network.connectsContainers, network.bridge == isolation.name else {
            throw BackendEngineError(
                .refused,
                "there is a network \(network.name) that is not isolated: remove it (docker network rm \(network.name)), or give the agent's another "
                    + "name by agent.docker.network")
        }
    }
}
