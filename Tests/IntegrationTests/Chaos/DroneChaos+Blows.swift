import DroneCore
import DroneStore
import Foundation
import PlaneProtocol
import PlaneTestSupport

extension DroneChaos {
    /// Blows fall on the drone until the time is over, with spawns and terminations under way all the time.
    func storm(for duration: Duration) async throws {
        let clock = ContinuousClock()
        let end = clock.now + duration
        let possible = ChaosBlow.possible(withOwnDocker: self.docker != nil)
        try await withThrowingTaskGroup(of: Void.self) { group in
            while clock.now < end {
                for _ in 0..<self.roll({ Int.random(in: 1...4, using: &$0) }) { group.addTask { await self.ask() } }
                if self.roll({ Bool.random(using: &$0) }) { group.addTask { await self.terminateOne() } }
                try await clock.sleep(for: self.roll { $0.milliseconds(0...300) })  // somewhere into what was just begun
                let blow = self.roll { $0.pick(possible) }
                self.count(blow: blow)
                try await self.deliver(blow)
                try await self.checkSteady()
            }
            try await group.waitForAll()
        }
    }

    private func deliver(_ blow: ChaosBlow) async throws {
        let away = self.roll { $0.milliseconds(0...700) }
        switch blow {
        case .agentKilled: try await self.replace([.agent], .kill, away: away)
        case .agentReplaced: try await self.replace([.agent], .terminate, away: away)
        case .schedulerKilled: try await self.replace([.scheduler], .kill, away: away)
        case .schedulerReplaced: try await self.replace([.scheduler], .terminate, away: away)
        case .proxyKilled:
            try await self.replace([.proxy], .kill, away: away)
            try await self.reopenSockets()
        case .natsKilled: try await self.replaceServer(.kill, away: away)
        case .natsStopped: try await self.replaceServer(.terminate, away: away)
        case .natsAndAgentKilled:
            await self.cluster.stop(.agent, .kill)
            try await self.replaceServer(.kill, away: away)
            try await self.cluster.start(.agent)
        case .everythingKilled:
            for part in LocalCluster.Part.allCases { await self.cluster.stop(part, .kill) }
            try await self.replaceServer(.kill, away: away)
            for part in LocalCluster.Part.allCases { try await self.cluster.start(part) }
            try await self.reopenSockets()
        case .agentKilledAtFaultPoint: try await self.killAtFaultPoint()
        case .tableLocked:
            let lock = try await TableLock(self.cluster.tablePath)
            await self.ask()
            try await ContinuousClock().sleep(for: away)
            await lock.release()
        case .containerRemoved:
            guard let victim = try await self.victim() else { return }
            try? await self.engine.remove(ContainerHandle(of: victim))  // the agent may be at it already
        case .containerKilled:
            guard let victim = try await self.victim() else { return }
            try? await self.engine.stop(ContainerHandle(of: victim), grace: .zero)
        case .dockerKilled:
            guard let docker = self.docker else { return }
            await docker.kill()
            try await ContinuousClock().sleep(for: away)
            try await docker.start()
        }
    }

    private func replace(_ parts: [LocalCluster.Part], _ signal: TestProcess.Signal, away: Duration) async throws {
        for part in parts { await self.cluster.stop(part, signal) }
        try await ContinuousClock().sleep(for: away)
        for part in parts { try await self.cluster.start(part) }
    }

    private func replaceServer(_ signal: NATSServer.Signal, away: Duration) async throws {
        await self.cluster.server.stop(signal)
        try await ContinuousClock().sleep(for: away)
        try await self.cluster.server.startAgain()
    }

    /// An agent that ends itself between two lines of a spawn or an end, and one that comes after it.
    private func killAtFaultPoint() async throws {
        let (point, count) = self.roll { ($0.pick(FaultPoint.allCases), Int.random(in: 1...3, using: &$0)) }
        await self.cluster.stop(.agent, .terminate)
        let agent = try self.cluster.launch(.agent, environment: ["PLANE_TEST_FAULT": "\(point.rawValue):\(count)"])
        try await withThrowingTaskGroup(of: Void.self) { group in
            // Enough goes on to pass every point; an agent that does not is ended by the next line.
            group.addTask { await agent.ended() }
            group.addTask {
                for _ in 0..<4 {
                    await self.ask()
                    await self.terminateOne()
                }
                try await ContinuousClock().sleep(for: .seconds(1))
            }
            try await group.next()
            await self.cluster.stop(.agent, .kill)
            try await group.waitForAll()
        }
        try await self.cluster.start(.agent)
    }

    /// A running container of this drone that is not steady.
    private func victim() async throws -> BackendID? {
        let running = try await self.engine.list().filter { $0.drone == self.cluster.drone && $0.isRunning }.compactMap(\.container.backend)
        let candidates = running.filter { !self.steady.contains($0) }.sorted { $0.rawValue < $1.rawValue }
        return candidates.isEmpty ? nil : self.roll { $0.pick(candidates) }
    }
}
