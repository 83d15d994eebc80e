/// What was waited for did not come about in time.
package struct NeverHappened: Error, CustomStringConvertible {
    package let description: String
}

/// Returns as soon as the condition holds; throws when it does not within the limit.
///
/// For facts nobody announces: a row in another process's database, a container's end. It asks again every few milliseconds. The limit only ends a
/// test that has failed, so it is longer than a busy machine needs.
package func eventually(_ fact: String, within limit: Duration = .seconds(60), _ holds: () async throws -> Bool) async throws {
    let clock = ContinuousClock()
    let end = clock.now + limit
    while try await !holds() {
        guard clock.now < end else { throw NeverHappened(description: "it never happened within \(limit): \(fact)") }
        try await clock.sleep(for: .milliseconds(2))
    }
}
