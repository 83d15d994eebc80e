import Testing

@testable import ProxyCore

@Suite struct ActivityListTests {
    @Test("that a backend is frozen is news once, whether a route has told it before or not", arguments: [BackendFreezing.awake, .frozen])
    func newlyFrozen(route: BackendFreezing) {
        var list = ActivityList()
        let counter = ActivityCounter(name: "b-1")
        _ = list.begin(counter)
        #expect(!list.apply(["b-1": .awake]))
        counter.hold = route
        #expect(list.apply(["b-1": .frozen]))
        #expect(!list.apply(["b-1": .frozen]))
        #expect(!list.apply(["b-1": .awake]))
        #expect(list.apply(["b-1": .frozen]))
    }
}
