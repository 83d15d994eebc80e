import Testing

@testable import ProxyCore

@Suite("Streams of HTTP/2 that were passed over")
struct SkippedStreamsTests {
    /// Those of them that begin, in this order.
    private static func beginning(_ streams: [Int32]) -> [Int32] {
        var skipped = SkippedStreams()
        return streams.filter { skipped.begins($0) }
    }

    @Test("none are, as long as each number follows on the last, and heads behind bodies are no new streams")
    func inOrder() {
        #expect(Self.beginning([1, 3, 5, 3, 7, 1, 7]) == [1, 3, 5, 3, 7, 1, 7])
    }

    @Test("may not begin any more, where others may")
    func passedOver() {
        #expect(Self.beginning([5, 7, 13, 1, 3, 9, 11, 5, 13, 15]) == [5, 7, 13, 5, 13, 15])
    }

    @Test("are kept in some number, the newest of them")
    func bound() {
        let every: [Int32] = (0..<20).map { 4 * $0 + 3 }
        #expect(Self.beginning(every + [1, 77]) == every + [1])
    }

    @Test("the largest number does no harm")
    func largest() {
        #expect(Self.beginning([.max, .max, .max - 2]) == [.max, .max])
    }
}
