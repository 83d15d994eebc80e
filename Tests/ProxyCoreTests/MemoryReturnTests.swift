import Testing

@testable import ProxyCore

@Suite("When freed memory is given back")
struct MemoryReturnTests {
    @Test("after many connections have gone, once for each time")
    func burst() {
        var memory = MemoryReturn()
        let counts = [0, 3000, 2000, 1400, 1300, 200, 150, 10, 300, 0]
        #expect(counts.map { memory.isDue(connections: $0) } == [false, false, false, true, false, true, false, true, false, true])
    }

    @Test("not for the coming and going of few")
    func few() {
        var memory = MemoryReturn()
        #expect([30, 0, 50, 0, 63, 0].allSatisfy { !memory.isDue(connections: $0) })
    }
}
