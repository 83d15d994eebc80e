import GatewayCore
import Testing

@Suite struct RateLimiterTests {
    @Test("a burst gets through, and then so many in a second")
    func burst() {
        var limiter = RateLimiter(perSecond: 2, burst: 3)
        let start = ContinuousClock.now
        #expect((0..<3).allSatisfy { _ in limiter.refusal(of: "a", at: start) == nil })
        #expect(limiter.refusal(of: "a", at: start) == 1)
        #expect(limiter.refusal(of: "b", at: start) == nil)
        #expect(limiter.refusal(of: "a", at: start + .milliseconds(500)) == nil)
        #expect(limiter.refusal(of: "a", at: start + .milliseconds(500)) == 1)
    }

    @Test("callers without number take bounded memory, and one that asks too often stays refused meanwhile")
    func bounded() {
        var limiter = RateLimiter(perSecond: 1, burst: 2)
        let start = ContinuousClock.now
        #expect(limiter.refusal(of: "a", at: start) == nil)
        #expect(limiter.refusal(of: "a", at: start) == nil)
        // Their buckets are full again when there is no more room.
        for index in 0..<9_999 { _ = limiter.refusal(of: "b\(index)", at: start - .seconds(60)) }
        _ = limiter.refusal(of: "c", at: start)
        #expect(limiter.refusal(of: "a", at: start) != nil)
    }
}
