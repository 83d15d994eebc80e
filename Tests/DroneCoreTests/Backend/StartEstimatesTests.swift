import PlaneProtocol
import Testing

@testable import DroneCore

@Suite struct StartEstimatesTests {
    private func phases(_ milliseconds: Int64, pulled: Int64? = nil) -> SpawnPhases {
        SpawnPhases(pulled: pulled.map { $0 * 1000 }, ready: milliseconds * 1000)
    }

    @Test("an image that never became ready here has no estimate")
    func nothingKnown() {
        let estimates = StartEstimates()
        estimates.note(SpawnPhases(accepted: 1), of: "demo", by: .cold)
        #expect(estimates.estimate(of: "demo", by: .cold) == nil)
    }

    @Test("the estimate is the median of the starts of its kind, and of the others where there was none")
    func median() {
        let estimates = StartEstimates()
        for taken in [200, 180, 5000] { estimates.note(self.phases(Int64(taken)), of: "demo", by: .cold) }
        #expect(estimates.estimate(of: "demo", by: .cold) == .milliseconds(200))
        #expect(estimates.estimate(of: "demo", by: .parked) == .milliseconds(200))
        estimates.note(self.phases(20), of: "demo", by: .parked)
        #expect(estimates.estimate(of: "demo", by: .parked) == .milliseconds(20))
        #expect(estimates.estimate(of: "other", by: .cold) == nil)
    }

    @Test("what a pull has taken does not count")
    func pulled() {
        let estimates = StartEstimates()
        estimates.note(self.phases(9200, pulled: 9000), of: "demo", by: .cold)
        #expect(estimates.estimate(of: "demo", by: .cold) == .milliseconds(200))
    }

    @Test("old starts are forgotten, and so is the image that was started longest ago when there are too many")
    func bounds() {
        let estimates = StartEstimates()
        for _ in 0..<StartEstimates.sampleLimit { estimates.note(self.phases(1000), of: "demo", by: .cold) }
        for _ in 0..<StartEstimates.sampleLimit { estimates.note(self.phases(100), of: "demo", by: .cold) }
        #expect(estimates.estimate(of: "demo", by: .cold) == .milliseconds(100))
        for index in 0..<StartEstimates.imageLimit { estimates.note(self.phases(1), of: "image-\(index)", by: .cold) }
        #expect(estimates.estimate(of: "demo", by: .cold) == nil)
        #expect(estimates.estimate(of: "image-0", by: .cold) == .milliseconds(1))
    }

    @Test("starts and pulls of all images are summed up by their medians, and the images by their last use")
    func overview() {
        let estimates = StartEstimates()
        #expect(estimates.overview.uses == 0 && estimates.overview.ready == nil && estimates.overview.pull == nil)
        estimates.note(self.phases(9200, pulled: 9000), of: "one", by: .cold)
        estimates.note(self.phases(100), of: "two", by: .sandbox)
        estimates.note(self.phases(20), of: "one", by: .parked)
        let overview = estimates.overview
        #expect(overview.uses == 3 && overview.ready == .milliseconds(100) && overview.pull == .seconds(9))
        #expect(overview.images == ["one", "two"])
    }
}
