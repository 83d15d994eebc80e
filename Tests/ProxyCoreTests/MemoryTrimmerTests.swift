import Testing

@testable import ProxyCore

@Suite("When freed memory is given back")
struct MemoryTrimmerTests {
    /// The looks at which it is given back.
    private static func due(_ counts: [Int]) -> [Int] {
        var memory = MemoryTrimmer()
        return counts.enumerated().filter { memory.isDue(connections: $0.element) }.map(\.offset)
    }

    @Test("after many connections have gone, two looks later, when what they held is free; once for each time")
    func burst() {
        #expect(Self.due([0, 3000, 2000, 1400, 1300, 1300, 1300, 1300]) == [5])
        #expect(Self.due([3000, 1400, 1300, 1300, 300, 250, 250, 250]) == [3, 6])
        #expect(Self.due([300, 0, 0, 0, 300, 0, 0, 0]) == [3, 7])
    }

    @Test("while they go on going, at the end of that")
    func falling() {
        #expect(Self.due([4000, 1900, 800, 300, 100, 0, 0, 0, 0]) == [7])
    }

    @Test("not for the coming and going of few")
    func few() {
        #expect(Self.due([30, 0, 50, 0, 63, 0, 0, 0, 0]) == [])
    }
}
