package import NATS
import Synchronization

/// The right to do what one process is enough for: the last message on a subject of a stream, written only in place of the one that was seen
/// there. Whatever is done under it must be harmless if two do it: a lease keeps work from being done twice, it does not make it safe.
///
/// No two clocks are compared. The holder counts from before it wrote, and stops relying on its lease well before others may take it. The others count
/// from when they first saw the message that stands there, and take a lease that was not renewed for `duration`; or the stream forgets it by itself.
package final class StreamLease: Sendable {
    private struct State {
        /// Of our own message; 0 while we have none.
        var own: UInt64 = 0
        var reliableUntil: ContinuousClock.Instant?
        /// The message of another process that stands there, and since when we know it.
        var seen: (sequence: UInt64, since: ContinuousClock.Instant)?
    }

    private let jetStream: JetStream
    private let stream: String
    private let subject: String
    private let duration: Duration
    private let state = Mutex(State())

    /// What a holder leaves unused of the duration, so that whoever takes the lease next does not begin before it has stopped.
    private var margin: Duration { self.duration / 3 }
    private static let timeout: Duration = .seconds(2)

    /// - Parameter duration: How long others leave a lease alone that is not renewed.
    package init(stream: String, subject: String, duration: Duration, jetStream: JetStream) {
        self.stream = stream
        self.subject = subject
        self.duration = duration
        self.jetStream = jetStream
    }

    /// Whether our own message may still be relied on.
    package func isHeld(at now: ContinuousClock.Instant = .now) -> Bool {
        self.state.withLock { $0.reliableUntil.map { now < $0 } ?? false }
    }

    /// What stands on the subject; nil for nothing.
    package func read() async throws(NATSError) -> StreamMessage? {
        try await self.jetStream.lastMessage(stream: self.stream, subject: self.subject)
    }

    /// Whether whoever wrote the message that stands there may still be at work. To be asked each time that it is read.
    package func isAlive(_ sequence: UInt64, at now: ContinuousClock.Instant = .now) -> Bool {
        self.state.withLock { state in
            if let seen = state.seen, seen.sequence == sequence { return now - seen.since < self.duration }
            state.seen = (sequence, now)
            return true
        }
    }

    /// Takes the lease, or renews it.
    /// - Parameter sequence: Of the message that is replaced, 0 for none; our own if not given, and none while we have none.
    /// - Throws: `.wrongLastSequence` if another message stands there by now.
    package func write(_ payload: [UInt8] = [], replacing sequence: UInt64? = nil, at now: ContinuousClock.Instant = .now) async throws(NATSError) {
        let expected = sequence ?? self.state.withLock { $0.own }
        do {
            let stored = try await self.jetStream.publish(payload, to: self.subject, expectedLastSubjectSequence: expected, timeout: Self.timeout)
            self.state.withLock { $0 = State(own: stored.sequence, reliableUntil: now + self.duration - self.margin) }
        } catch {
            // Somebody else's, or forgotten by the server; the next attempt tells.
            if error.code == .wrongLastSequence { self.forget() }
            throw error
        }
    }

    /// Renews the lease if we have one.
    package func renew(_ payload: [UInt8]) async throws(NATSError) {
        let own = self.state.withLock { $0.own }
        guard own > 0 else { return }
        try await self.write(payload, replacing: own)
    }

    /// Writes a last message if this process holds the lease, and gives the lease up in any case.
    package func end(with payload: [UInt8]) async throws(NATSError) {
        defer { self.forget() }
        try await self.renew(payload)
    }

    /// Takes our message away, so that somebody else can have the lease at once. Failing that, it is over by itself.
    package func remove() async {
        let own = self.state.withLock { $0.own }
        guard own > 0 else { return }
        _ = try? await self.jetStream.purge(stream: self.stream, subject: self.subject, before: own + 1)
        self.forget()
    }

    private func forget() {
        self.state.withLock { state in
            state.own = 0
            state.reliableUntil = nil
        }
    }
}
