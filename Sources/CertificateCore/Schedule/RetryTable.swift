package import Timing

/// How long to wait after a failed order.
///
/// What fails in ACME is mostly one of two things: something is down for minutes, or something is configured wrong and stays so until a
/// person comes. So it is tried again soon, and then ever less; in a day that makes ten orders, where the strictest of the well-known
/// authorities allow five failed validations an hour.
package enum RetryTable {
    package static let waits = RetrySchedule(
        .seconds(60),  //     after 1 min
        .seconds(300),  //    after 6 min
        .seconds(900),  //    after 21 min
        .seconds(1800),  //   after 51 min
        .seconds(3600),  //   after 1 h 51 min
        .seconds(7200),  //   after 3 h 51 min
        .seconds(14_400)  // after 7 h 51 min, and so on
    )

    /// Where a failure begins that goes away only if somebody changes something.
    private static let permanentStep = 4

    /// Part by which a wait is stretched at most, so that a fleet which failed together does not come back together.
    static let jitter = 0.2

    /// - Parameters:
    ///   - failures: in a row, this one included.
    ///   - isRetryable: whether the same order may succeed without anybody changing anything.
    ///   - retryAfter: what the authority asked for.
    ///   - random: from 0 to 1.
    package static func wait(failures: Int, isRetryable: Bool, retryAfter: Duration?, random: Double) -> Duration {
        let step = max(failures, 1) - 1 + (isRetryable ? 0 : self.permanentStep)
        let wait = self.waits.pause(after: step + 1)
        let jittered = wait * (1 + self.jitter * min(max(random, 0), 1))
        return max(jittered, retryAfter ?? .zero)
    }
}
