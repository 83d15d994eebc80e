import Synchronization

/// Remembers which applications' ignored keys have been logged. Each is logged once, since applications send the same keys again and again.
///
/// Applications name themselves, and may make up keys and names without end. So each has a limit of its own, which takes nothing from the others; and where too
/// many have names, those that were logged long ago make room.
package final class IgnoredKeyLog<Application: Hashable & Sendable>: Sendable {
    private struct Told {
        let since: ContinuousClock.Instant
        var keys: Set<[String]> = []
    }

    /// How many lists of keys are logged of one application. All answers name the ignored keys.
    package static var listLimit: Int { 8 }
    /// How many applications are remembered.
    package static var applicationLimit: Int { 256 }
    /// How long an application is remembered at least. So no more than `applicationLimit` times `listLimit` lines are logged in this time.
    package static var lifetime: Duration { .seconds(600) }

    private let told = Mutex<[Application: Told]>([:])

    package init() {}

    /// Whether the keys are to be logged now.
    package func isNews(_ keys: [String], of application: Application, now: ContinuousClock.Instant = .now) -> Bool {
        guard !keys.isEmpty else { return false }
        return self.told.withLock { told in
            if told[application] == nil, told.count >= Self.applicationLimit {
                told = told.filter { now - $0.value.since < Self.lifetime }
                guard told.count < Self.applicationLimit else { return false }
            }
            guard told[application, default: Told(since: now)].keys.count < Self.listLimit else { return false }
            return told[application, default: Told(since: now)].keys.insert(keys).inserted
        }
    }
}
