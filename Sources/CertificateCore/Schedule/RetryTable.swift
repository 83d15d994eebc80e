package import Timing

/// How long to wait after a failed order.
///
/// An order fails mostly for one of two reasons: something is down for minutes, or something is configured wrong until a person corrects it. So the
/// pauses are short at first and grow. That makes ten orders in a day; the strictest of the well-known authorities allow five failed
/// validations an hour.
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

    /// The step at which a failure begins that lasts until a person changes something.
    private static let permanentStep = 4

    /// Largest part by which a wait is prolonged at random, so that drones that failed together do not order again together.
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
