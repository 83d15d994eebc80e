import PlaneClientTestSupport
import PlaneProtocol
import Testing

@testable import PlaneClient

@Suite("The signs of life of a draining drone")
struct DrainMachineTests {
    private static func meanings(_ statuses: [(DroneState, UInt32?)]) throws -> [DrainMachine.Step] {
        var machine = DrainMachine()
        return try statuses.map { state, running in
            machine.heard(
                DroneStatusMessage(
                    droneID: try .make("drone-a"), cluster: try .make("plane.test"), droneVersion: "test", state: state,
                    runningBackends: running))
        }
    }

    @Test("tell each number once, and the end")
    func numbers() throws {
        let meanings = try Self.meanings([(.ready, 2), (.draining, 2), (.draining, 2), (.draining, 1), (.drained, 0)])
        #expect(meanings == [.nothing, .running(2), .nothing, .running(1), .drained])
    }

    @Test("of an agent that knows no Drained end with no backends; one that counts nothing is told once")
    func old() throws {
        #expect(try Self.meanings([(.draining, 1), (.draining, 0)]) == [.running(1), .drained])
        #expect(try Self.meanings([(.draining, nil), (.draining, nil)]) == [.running(nil), .nothing])
    }

    @Test("mean a cancelled drain when the drone takes backends again, and nothing when it never began")
    func cancelled() throws {
        #expect(try Self.meanings([(.ready, 2), (.ready, 2), (.draining, 2), (.ready, 2)]) == [.nothing, .nothing, .running(2), .cancelled])
    }
}
