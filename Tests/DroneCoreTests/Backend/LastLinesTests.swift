import Testing

@testable import DroneCore

@Suite struct LastLinesTests {
    @Test("the newest lines are kept, oldest first, without empty ones")
    func newest() {
        #expect(LastLines.fit((1...30).map { "line \($0)" } + ["  "]) == (11...30).map { "line \($0)" })
        #expect(LastLines.fit([]) == [])
    }

    @Test("long lines are cut, and all together stay small")
    func bounded() {
        let lines = LastLines.fit(Array(repeating: String(repeating: "é", count: 10_000), count: 20))
        #expect(!lines.isEmpty)
        #expect(lines.allSatisfy { $0.count == 401 && $0.hasSuffix("…") })
        #expect(lines.reduce(0) { $0 + $1.utf8.count } <= 4096)
    }
}
