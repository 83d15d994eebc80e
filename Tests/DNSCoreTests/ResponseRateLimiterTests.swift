import DNSCore
import Testing

@Suite struct ResponseRateLimiterTests {
    static func limiter(perSecond: UInt32) -> ResponseRateLimiter {
        var generator = SeededGenerator(seed: 3)
        return ResponseRateLimiter(answersPerSecond: perSecond, using: &generator)
    }

    @Test("two seconds' worth goes out at once; then every other answer is cut to nothing, the rest kept back")
    func burst() {
        var limiter = Self.limiter(perSecond: 10)
        for _ in 0..<20 { #expect(limiter.verdict(network: 1, subject: 1, at: 1000) == .answer) }
        #expect((0..<4).map { _ in limiter.verdict(network: 1, subject: 1, at: 1000) } == [.drop, .truncate, .drop, .truncate])
    }

    @Test("time gives credit again, up to two seconds' worth")
    func refill() {
        var limiter = Self.limiter(perSecond: 10)
        for _ in 0..<25 { _ = limiter.verdict(network: 1, subject: 1, at: 1000) }
        #expect(limiter.verdict(network: 1, subject: 1, at: 1100) == .answer)
        #expect(limiter.verdict(network: 1, subject: 1, at: 1100) == .drop)
        #expect((0..<30).count { _ in limiter.verdict(network: 1, subject: 1, at: 900_000) == .answer } == 20)
    }

    @Test("other networks and other subjects are not held responsible")
    func independence() {
        var limiter = Self.limiter(perSecond: 1)
        for _ in 0..<10 { _ = limiter.verdict(network: 1, subject: 1, at: 0) }
        #expect(limiter.verdict(network: 2, subject: 1, at: 0) == .answer)
        #expect(limiter.verdict(network: 1, subject: 2, at: 0) == .answer)
    }
}
