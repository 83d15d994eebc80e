import PlaneProtocol
import Testing

@testable import SchedulerCore

@Suite("Clusters as labels of metrics") struct ClusterLabelsTests {
    @Test("a cluster has its own label; after the limit only one that has drones, and the others have one together")
    func limited() {
        let labels = ClusterLabels(limit: 2)
        let (first, second, third) = (ClusterName(rawValue: "a.test")!, ClusterName(rawValue: "b.test")!, ClusterName(rawValue: "c.test")!)
        #expect([first, second, third, first].map { labels.label(of: $0) { false } } == ["a.test", "b.test", "(other)", "a.test"])
        #expect(labels.label(of: third) { true } == "c.test")
        #expect(ClusterName(rawValue: ClusterLabels.rest) == nil)
    }
}
