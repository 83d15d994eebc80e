import PlaneProtocol
import Testing

@testable import SchedulerCore

@Suite("Clusters as labels of metrics") struct ClusterLabelsTests {
    @Test("a cluster has its own label, and after the limit the new ones have one together")
    func limited() {
        let labels = ClusterLabels(limit: 2)
        let (first, second, third) = (ClusterName(rawValue: "a.test")!, ClusterName(rawValue: "b.test")!, ClusterName(rawValue: "c.test")!)
        #expect([first, second, third, first].map(labels.label(of:)) == ["a.test", "b.test", "(other)", "a.test"])
        #expect(ClusterName(rawValue: ClusterLabels.rest) == nil)
    }
}
