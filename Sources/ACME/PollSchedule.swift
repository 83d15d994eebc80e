/// How often to ask an authority whether it has decided.
///
/// Often at first, because most decide within two seconds; then with longer pauses, because some validate from many places, or by hand after a fault. About
/// ten minutes in all. The authority's own `Retry-After` replaces a pause.
package struct PollSchedule: Hashable, Sendable {
    package static let waits: [Duration] = [
        .milliseconds(250), .milliseconds(500), .seconds(1), .seconds(1), .seconds(2), .seconds(3),  //  after 7.75 s
        .seconds(5), .seconds(5), .seconds(5), .seconds(10), .seconds(10), .seconds(10),  //  after 53 s
        .seconds(15), .seconds(15), .seconds(15), .seconds(20), .seconds(20), .seconds(20),  // after 2 min 38 s
        .seconds(30), .seconds(30), .seconds(30), .seconds(30), .seconds(60), .seconds(60), .seconds(60), .seconds(60),
        .seconds(60), .seconds(60),  // after 10 min 38 s
    ]
    /// The longest time that one poll may take, whatever the authority asks for.
    package static let total: Duration = .seconds(15 * 60)
    /// The shortest pause, even if the authority asks for less, so that a 0 does not cause requests without end.
    package static let minimum: Duration = .milliseconds(250)

    private var step = 0
    private var elapsed: Duration = .zero

    package init() {}

    /// How long to wait before asking again; nil when it is time to give up.
    package mutating func next(retryAfter: Duration?) -> Duration? {
        guard self.step < Self.waits.count else { return nil }
        let wait = max(retryAfter ?? Self.waits[self.step], Self.minimum)
        guard self.elapsed + wait <= Self.total else { return nil }
        self.step += 1
        self.elapsed += wait
        return wait
    }
}
