import PlaneProtocol
import Testing

@testable import SchedulerCore

@Suite("What of drones' status messages is written") struct DroneStatusThrottleTests {
    static let start = StateTime(milliseconds: 1_710_148_530_000)

    static func after(_ seconds: Int64) -> StateTime { StateTime(milliseconds: self.start.rawValue + seconds * 1000) }

    static func status(_ state: DroneState = .ready, drone: String = "drone-a") -> DroneStatusMessage {
        DroneStatusMessage(droneID: .make(drone), cluster: TestCluster.name, droneVersion: "test", state: state, runningBackends: 0)
    }

    static func known(_ state: DroneState?, lastSeen: StateTime?) -> DroneStatusThrottle.Known {
        DroneStatusThrottle.Known(state: state, lastSeen: lastSeen)
    }

    static func state(_ state: DroneState, _ time: StateTime) -> DroneMessage { DroneMessage(drone: .make(), change: .state(state, at: time)) }
    static func keepAlive(_ time: StateTime) -> DroneMessage { DroneMessage(drone: .make(), change: .keepAlive(at: time)) }

    @Test("the first status of a drone is written with a sign of life")
    func first() {
        var throttle = DroneStatusThrottle()
        let messages = throttle.heard(Self.status(), known: .init(), stateSequence: 0, now: Self.start)
        #expect(messages == [Self.state(.ready, Self.start), Self.keepAlive(Self.start)])
    }

    @Test("W8: a state other than the fleet's is written at once, back to an earlier one too", arguments: [DroneState.draining, .lost, .starting])
    func change(from state: DroneState) {
        var throttle = DroneStatusThrottle()
        let messages = throttle.heard(
            Self.status(.ready), known: Self.known(state, lastSeen: Self.start), stateSequence: 0, now: Self.after(1))
        #expect(messages == [Self.state(.ready, Self.after(1)), Self.keepAlive(Self.after(1))])
    }

    @Test("signs of life are written every 10 s at most", arguments: [(4, false), (9, false), (10, true), (12, true)])
    func keepAlives(seconds: Int64, isWritten: Bool) {
        var throttle = DroneStatusThrottle()
        let messages = throttle.heard(
            Self.status(), known: Self.known(.ready, lastSeen: Self.start), stateSequence: 0, now: Self.after(seconds))
        #expect(messages == (isWritten ? [Self.keepAlive(Self.after(seconds))] : []))
    }

    @Test("what was written a moment ago is not written again while the fleet does not show it")
    func inFlight() {
        var throttle = DroneStatusThrottle()
        _ = throttle.heard(Self.status(), known: .init(), stateSequence: 0, now: Self.start)
        #expect(throttle.heard(Self.status(), known: .init(), stateSequence: 0, now: Self.after(0)).isEmpty)
        throttle.written(Self.status(), sequence: 8)
        #expect(throttle.heard(Self.status(), known: .init(), stateSequence: 7, now: Self.after(4)).isEmpty)
        #expect(throttle.heard(Self.status(.draining), known: .init(), stateSequence: 7, now: Self.after(5)).count == 2)
    }

    @Test("once the fleet shows it, the fleet counts: another scheduler may have written since")
    func seen() {
        var throttle = DroneStatusThrottle()
        _ = throttle.heard(Self.status(), known: .init(), stateSequence: 0, now: Self.start)
        throttle.written(Self.status(), sequence: 8)
        let known = Self.known(.draining, lastSeen: Self.after(3))
        #expect(throttle.heard(Self.status(), known: known, stateSequence: 9, now: Self.after(4)).first == Self.state(.ready, Self.after(4)))
    }

    @Test("what could not be written is tried again with the next status")
    func failed() {
        var throttle = DroneStatusThrottle()
        _ = throttle.heard(Self.status(), known: .init(), stateSequence: 0, now: Self.start)
        throttle.written(Self.status(), sequence: nil)
        #expect(throttle.heard(Self.status(), known: .init(), stateSequence: 0, now: Self.after(4)).count == 2)
    }

    @Test("what was written to a stream that is gone does not count")
    func anotherStream() {
        var throttle = DroneStatusThrottle()
        _ = throttle.heard(Self.status(), known: .init(), stateSequence: 1000, now: Self.start)
        throttle.written(Self.status(), sequence: 1001)
        let messages = throttle.heard(Self.status(), known: .init(), stateSequence: 3, incarnation: 1, now: Self.after(4))
        #expect(messages == [Self.state(.ready, Self.after(4)), Self.keepAlive(Self.after(4))])
    }

    @Test("nothing is kept of drones whose last write the fleet shows")
    func bounded() {
        var throttle = DroneStatusThrottle()
        for drone in 0..<100 {
            let status = Self.status(drone: "drone-\(drone)")
            _ = throttle.heard(status, known: .init(), stateSequence: 0, now: Self.start)
            throttle.written(status, sequence: UInt64(drone + 1))
            _ = throttle.heard(status, known: Self.known(.ready, lastSeen: Self.start), stateSequence: 100, now: Self.after(1))
        }
        #expect(throttle.count == 0)
    }

    @Test("of drones that speak once, as made-up ones do, nothing is kept for long")
    func spokeOnce() {
        var throttle = DroneStatusThrottle()
        for drone in 0..<50_000 {
            let status = Self.status(drone: "drone-\(drone)")
            _ = throttle.heard(status, known: .init(), stateSequence: UInt64(drone), now: Self.start)
            throttle.written(status, sequence: UInt64(drone + 1))
        }
        #expect(throttle.count <= 5000)
    }
}
