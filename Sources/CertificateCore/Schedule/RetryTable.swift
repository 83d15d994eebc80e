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

    /// A failure that lasts until a person changes something begins at this step of the table.
    private static let permanentStep = 4

    /// Each wait is prolonged at random by up to this fraction, so that drones that failed together do not order again together.
    static let jitter = 0.2

    /// - Parameters:
    ///   - failures: the number of failures in a row, this one included.
    ///   - isRetryable: whether the same order may succeed without any change.
    ///   - retryAfter: the pause that the authority has asked for.
    ///   - random: from 0 to 1.
    package static func wait(failures: Int, isRetryable: Bool, retryAfter: Duration?, random: Double) -> Duration {
        let step = max(failures, 1) - 1 + (isRetryable ? 0 : self.permanentStep)
        let wait = self.waits.pause(after: step + 1)
        let jittered = wait * (1 + self.jitter * min(max(random, 0), 1))
        return max(jittered, retryAfter ?? .zero)
    }
}
