package import PlaneProtocol

/// What a draining drone reports: how many backends it still runs, each number once. Ends when the drone is empty. For one reader.
package struct DrainProgress: AsyncSequence, Sendable {
    package struct Element: Hashable, Sendable {
        /// Nil if the drone does not report the number.
        package var runningBackends: UInt32?
    }

    package typealias Failure = PlaneError

    fileprivate let drone: DroneID
    fileprivate let statuses: PublishedMessages<DroneStatusMessage>

    package struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let drone: DroneID
        fileprivate var statuses: PublishedMessages<DroneStatusMessage>.AsyncIterator
        fileprivate var machine = DrainMachine()
        fileprivate var hasEnded = false

        package mutating func next() async throws(PlaneError) -> Element? { try await self.next(isolation: #isolation) }

        /// - Throws: `drainCancelled` when another operator lets the drone take backends again; `connectionEnded`, `cancelled`.
        package mutating func next(isolation actor: isolated (any Actor)?) async throws(PlaneError) -> Element? {
            guard !self.hasEnded else { return nil }
            while let status = await self.statuses.next(isolation: actor) {
                switch self.machine.heard(status) {
                case .nothing: continue
                case .running(let count): return Element(runningBackends: count)
                case .drained:
                    self.hasEnded = true
                    return nil
                case .cancelled: throw .drainCancelled(self.drone)
                }
            }
            throw Task.isCancelled ? .cancelled : .connectionEnded
        }
    }

    package func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(drone: self.drone, statuses: self.statuses.makeAsyncIterator())
    }
}

/// Interprets the status messages of a drone that is asked to drain.
struct DrainMachine {
    enum Step: Equatable { case nothing, running(UInt32?), drained, cancelled }

    private enum State { case waiting, draining(last: UInt32?) }

    private var state = State.waiting

    mutating func heard(_ status: DroneStatusMessage) -> Step {
        switch status.state {
        case .drained: return .drained
        // Agents of 0.3.24 never report `drained`, so a draining drone without backends counts as drained.
        case .draining, .stopped: if status.runningBackends == 0 { return .drained }
        case .ready, .starting, .lost:
            // Before the drone has reported that it drains, a message from before the request may still arrive.
            if case .draining = self.state { return .cancelled }
            return .nothing
        }
        defer { self.state = .draining(last: status.runningBackends) }
        if case .draining(let last) = self.state, last == status.runningBackends { return .nothing }
        return .running(status.runningBackends)
    }
}

extension PlaneClient {
    /// Makes a drone take no new backends, or lets it take them again.
    package func drain(_ drone: DroneID, in cluster: ClusterName, cancel: Bool = false) async throws(PlaneError) {
        _ = try await self.request(DrainDrone(drone: drone, cluster: cluster, drain: !cancel), of: .agent(drone))
    }

    /// Begins to listen when it is called, so call it before `drain`.
    package func drainProgress(of drone: DroneID, in cluster: ClusterName) throws(PlaneError) -> DrainProgress {
        DrainProgress(drone: drone, statuses: try self.droneStatuses(in: cluster, of: drone))
    }
}
