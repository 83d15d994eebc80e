/// Limits the calls of each caller to so many per second, after a burst of so many at once (token bucket).
package struct RateLimiter: Sendable {
    private struct Bucket {
        var tokens: Double
        var filledAt: ContinuousClock.Instant
    }

    private let perSecond: Double
    private let burst: Double
    private var buckets: [String: Bucket] = [:]

    /// How many callers are remembered. Beyond that, those that have not called for long are forgotten or, if there are none, all are.
    private static let limit = 10_000

    /// - Parameters:
    ///   - perSecond: above 0.
    ///   - burst: at least 1.
    package init(perSecond: Int, burst: Int) {
        self.perSecond = Double(perSecond)
        self.burst = Double(burst)
    }

    /// - Returns: nil if the call is allowed, otherwise after how many seconds it will be.
    package mutating func refusal(of caller: String, at now: ContinuousClock.Instant) -> Int? {
        if self.buckets[caller] == nil { self.makeRoom(at: now) }
        var bucket = self.buckets[caller] ?? Bucket(tokens: self.burst, filledAt: now)
        bucket.tokens = self.level(of: bucket, at: now)
        bucket.filledAt = now
        defer { self.buckets[caller] = bucket }
        guard bucket.tokens >= 1 else { return max(1, Int(((1 - bucket.tokens) / self.perSecond).rounded(.up))) }
        bucket.tokens -= 1
        return nil
    }

    private func level(of bucket: Bucket, at now: ContinuousClock.Instant) -> Double {
        let (seconds, attoseconds) = (now - bucket.filledAt).components
        return min(self.burst, bucket.tokens + (Double(seconds) + Double(attoseconds) / 1e18) * self.perSecond)
    }

    private mutating func makeRoom(at now: ContinuousClock.Instant) {
        guard self.buckets.count >= Self.limit else { return }
        // A full bucket is like a new one, so it can be removed.
        self.buckets = self.buckets.filter { self.level(of: $0.value, at: now) < self.burst }
        if self.buckets.count >= Self.limit { self.buckets = [:] }
    }
}
