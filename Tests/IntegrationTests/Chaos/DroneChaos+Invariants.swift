import DroneCore
import DroneStore
import NATS
import PlaneProtocol
import PlaneTestSupport
import Testing

/// What must be true when the storm is over, looked at from outside: Docker's list, the table, and the streams.
extension DroneChaos {
    func checkInvariants() async throws {
        try await self.checkSteady()
        try await self.endTheRest()
        try await eventually("Docker has the steady backends and no others of this drone", within: .seconds(90)) {
            let backends = try await self.engine.list().filter { $0.drone == self.cluster.drone && $0.container.backend != nil }
            return Set(backends.compactMap(\.container.backend)) == self.steady && backends.allSatisfy(\.isRunning)
        }
        // What nobody has, such as a network whose start Docker's own end has cut off, is removed a minute and a half after it was seen so, in rounds of
        // half a minute.
        try await eventually("and networks for them and for the next ones, and no other", within: .seconds(200)) {
            let containers = try await self.engine.list().filter { $0.drone == self.cluster.drone }
            let sandboxes = Set(containers.filter { $0.container.role == .other(ContainerHandle.sandboxRole) }.compactMap(\.container.id))
            return containers.allSatisfy(\.isRunning)
                && sandboxes.count == containers.compactMap(\.container.sandbox).count + LocalCluster.sandboxes
        }
        let rows = try await self.store.allBackends()
        #expect(rows.unreadable.isEmpty)
        #expect(Set(rows.backends.filter { !$0.state.isTerminal }.map(\.id)) == self.steady)
        let states = Dictionary(uniqueKeysWithValues: rows.backends.map { ($0.id, $0.state) })
        for (backend, isScheduled) in self.asked where isScheduled {
            #expect(states[backend] != nil, "\(backend) was promised and is not in the table")
        }
        try await eventually("every report is delivered", within: .seconds(60)) { try await self.store.waitingReportCount() == 0 }
        try await self.checkHistories(states)
        try await self.checkSteady()
    }

    /// Ends every live backend of the table that is not steady, however often it takes to be heard.
    private func endTheRest() async throws {
        try await eventually("every other backend has ended", within: .seconds(120)) {
            let live = try await self.store.allBackends().backends.filter { !$0.state.isTerminal && !self.steady.contains($0.id) }
            for record in live {
                let request = TerminationRequest(cluster: self.cluster.cluster, backendID: record.id)
                _ = try? await self.cluster.bus.request(WireCodec.encode(request), to: request.subject, timeout: .seconds(2))
            }
            return live.isEmpty
        }
    }

    /// Every history ends in one terminal state, the table's; those of the steady backends have none.
    private func checkHistories(_ states: [BackendID: BackendState]) async throws {
        let histories = try await self.histories()
        for (backend, state) in states {
            let history = histories[backend] ?? []
            if self.steady.contains(backend) {
                #expect(history.last == .ready, "\(backend): \(history)")
                continue
            }
            #expect(history.last == state, "\(backend) is \(state), and its history \(history)")
            #expect(Set(history.filter(\.isTerminal)).count == 1, "\(backend): \(history)")
            self.count(end: state)
        }
    }

    private func histories() async throws -> [BackendID: [BackendState]] {
        let consumer = try await self.cluster.bus.jetStream.orderedConsumer(
            stream: "backend_status", filter: BackendStateMessage.subscription, from: .first)
        var histories: [BackendID: [BackendState]] = [:]
        guard consumer.initialPending > 0 else { return histories }
        for await message in consumer {
            let state = try WireCodec.decode(BackendStateMessage.self, from: message.payload)
            histories[state.backend, default: []].append(state.state)
            if message.pending == 0 { break }
        }
        return histories
    }
}
