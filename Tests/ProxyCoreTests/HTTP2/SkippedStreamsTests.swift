import Testing

@testable import ProxyCore

@Suite("Streams of HTTP/2 that were passed over")
struct SkippedStreamsTests {
    @Test("none are, as long as each number follows on the last, and heads behind bodies are no new streams")
    func inOrder() {
        var skipped = SkippedStreams()
        for stream: Int32 in [1, 3, 5, 3, 7, 1, 7] { #expect(skipped.begins(stream)) }
    }

    @Test("may not begin any more, where others may")
    func passedOver() {
        var skipped = SkippedStreams()
        for stream: Int32 in [5, 7, 13] { #expect(skipped.begins(stream)) }
        for stream: Int32 in [1, 3, 9, 11] { #expect(!skipped.begins(stream)) }
        for stream: Int32 in [5, 13, 15] { #expect(skipped.begins(stream)) }
    }

    @Test("are kept in some number, the newest of them")
    func bound() {
        var skipped = SkippedStreams()
        for number: Int32 in 0..<20 { #expect(skipped.begins(4 * number + 3)) }
        #expect(skipped.begins(1))
        #expect(!skipped.begins(77))
    }

    @Test("the largest number does no harm")
    func largest() {
        var skipped = SkippedStreams()
        #expect(skipped.begins(.max))
        #expect(skipped.begins(.max))
        #expect(!skipped.begins(.max - 2))
    }
}
