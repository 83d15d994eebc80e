/// How often to ask an authority whether it has decided.
///
/// Quick at first, because most decide within two seconds; patient later, because some validate from many places, or by
/// hand after a fault: about ten minutes in all. The authority's own `Retry-After` takes the place of a step.
package struct PollSchedule: Hashable, Sendable {
    package static let waits: [Duration] = [
        .milliseconds(250), .milliseconds(500), .seconds(1), .seconds(1), .seconds(2), .seconds(3),  //  after 7.75 s
        .seconds(5), .seconds(5), .seconds(5), .seconds(10), .seconds(10), .seconds(10),  //  after 53 s
        .seconds(15), .seconds(15), .seconds(15), .seconds(20), .seconds(20), .seconds(20),  // after 2 min 38 s
        .seconds(30), .seconds(30), .seconds(30), .seconds(30), .seconds(60), .seconds(60), .seconds(60), .seconds(60),
        .seconds(60), .seconds(60),  // after 10 min 38 s
    ]
    /// Longest time spent in one poll, whatever the authority asks for.
    package static let total: Duration = .seconds(15 * 60)
    /// Shortest pause, even if the authority asks for less, so that "0" does not make the client ask without end.
    package static let minimum: Duration = .milliseconds(250)

    private var step = 0
    private var elapsed: Duration = .zero

    package init() {}

    /// Time to wait before asking again; nil when it is time to give up.
    package mutating func next(retryAfter: Duration?) -> Duration? {
        guard self.step < Self.waits.count else { return nil }
        let wait = max(retryAfter ?? Self.waits[self.step], Self.minimum)
        guard self.elapsed + wait <= Self.total else { return nil }
        self.step += 1
        self.elapsed += wait
        return wait
    }
}
