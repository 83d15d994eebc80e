import PlaneProtocol
import Testing

@testable import PlaneState

/// The same requests to the same fleet, with drones that say how soon backends would be ready, and with drones that do not.
@Suite("Placement, simulated")
struct PlacementSimulationTests {
    @Test("by time to ready 95 of 100 are ready in half the time at most, and no drone gets far more backends", arguments: [1, 2, 3] as [UInt64])
    func timeToReady(seed: UInt64) {
        func outcome(dronesSpeak: Bool) -> SimulatedFleet.Outcome {
            var options = SimulatedFleet.Options()
            options.dronesSpeak = dronesSpeak
            var fleet = SimulatedFleet(options, seed: seed)
            return fleet.run()
        }
        let (byLoad, byTime) = (outcome(dronesSpeak: false), outcome(dronesSpeak: true))
        for (name, outcome) in [("by load", byLoad), ("by time to ready", byTime)] {
            let percentiles = [50, 95, 99].map { "p\($0) \(Int(outcome.percentile($0))) ms" }.joined(separator: ", ")
            print("placement \(name), seed \(seed): \(percentiles), \(outcome.pulls) pulls, fullest drone \((outcome.fullest * 10).rounded() / 10) of the mean")
        }
        #expect(byLoad.readyMilliseconds.count > 3000)
        #expect(byTime.percentile(95) <= 0.5 * byLoad.percentile(95))
        #expect(byTime.percentile(50) <= byLoad.percentile(50))
        #expect(byTime.fullest < 3)
    }
}
