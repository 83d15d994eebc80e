/// Limits answers over UDP, so that the server cannot be used to flood others.
///
/// The sender's address of a UDP question can be forged, and the answer goes to that address. So the answers about one subject to one network are counted,
/// and withheld above the rate. Every other one of these is sent truncated instead: a real client then asks over TCP, where an address cannot be forged, and
/// a victim gets no more bytes than the attacker has spent.
///
/// The table has a fixed size. If two networks share a bucket they take it from each other, each time with full credit. An attacker who uses that needs
/// thousands of victims, each of which then gets little.
package struct ResponseRateLimiter: Sendable {
    package enum Verdict: Hashable, Sendable {
        case answer, truncate, drop
    }

    private struct Bucket {
        /// The bits of the hash of network and subject that were not used to choose the bucket.
        var tag: UInt32 = 0
        /// How many answers may still be sent, in thousandths.
        var credit: UInt32 = 0
        /// When credit was last added, in milliseconds.
        var filled: UInt32 = 0
        /// How many answers were withheld in a row.
        var refused: UInt32 = 0
    }

    /// The number of buckets; the table takes 1 MiB for each event loop.
    private static let bucketCount = 65_536
    /// How many seconds' worth of answers may be sent at once, since questions of a resolver may arrive together after a delay.
    private static let burstSeconds: UInt32 = 2

    private var buckets: [Bucket]
    private let answersPerSecond: UInt32
    private let seed: UInt64

    /// - Parameter answersPerSecond: the rate for one subject and one network (an IPv4 /24 or an IPv6 /56).
    package init(answersPerSecond: UInt32, using generator: inout some RandomNumberGenerator) {
        self.buckets = [Bucket](repeating: Bucket(), count: Self.bucketCount)
        self.answersPerSecond = min(answersPerSecond, 1_000_000)
        self.seed = generator.next()
    }

    /// - Parameters:
    ///   - network: the client's, from `ClientNetwork`.
    ///   - subject: a hash of what the answer is about.
    ///   - milliseconds: the time by a clock that never goes back.
    package mutating func verdict(network: UInt64, subject: UInt64, at milliseconds: UInt64) -> Verdict {
        let hash = Self.mix(network ^ Self.mix(subject ^ self.seed))
        let index = Int(truncatingIfNeeded: hash % UInt64(Self.bucketCount))
        let now = UInt32(truncatingIfNeeded: milliseconds)
        let tag = UInt32(truncatingIfNeeded: hash >> 32) | 1
        let full = self.answersPerSecond * Self.burstSeconds * 1000
        var bucket = self.buckets[index]
        if bucket.tag == tag {
            let earned = UInt64(now &- bucket.filled) * UInt64(self.answersPerSecond)
            bucket.credit = UInt32(min(UInt64(bucket.credit) + earned, UInt64(full)))
            bucket.filled = now
        } else {
            bucket = Bucket(tag: tag, credit: full, filled: now)
        }
        defer { self.buckets[index] = bucket }
        if bucket.credit >= 1000 {
            bucket.credit -= 1000
            bucket.refused = 0
            return .answer
        }
        bucket.refused &+= 1
        return bucket.refused.isMultiple(of: 2) ? .truncate : .drop
    }

    @inline(__always)
    private static func mix(_ value: UInt64) -> UInt64 {
        var value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}
