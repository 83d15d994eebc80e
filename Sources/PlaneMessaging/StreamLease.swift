package import NATS
import Synchronization

/// The right to do work that only one process should do: the last message on a subject of a stream, which is replaced only by a process that has seen it.
/// Work under a lease must be harmless if two processes do it: the lease saves double work, but does not exclude it.
///
/// No clocks of different machines are compared. The holder counts from before it wrote, and stops relying on its lease well before others may take it. The
/// others count from when they first saw the current message, and take a lease that was not renewed for `duration`; or the stream drops the message by its
/// age.
package final class StreamLease: Sendable {
    private struct State {
        /// Sequence of this process's own message; 0 while it has none.
        var own: UInt64 = 0
        var reliableUntil: ContinuousClock.Instant?
        /// Another process's current message, and since when this process knows it.
        var seen: (sequence: UInt64, since: ContinuousClock.Instant)?
    }

    private let jetStream: JetStream
    private let stream: String
    private let subject: String
    private let duration: Duration
    private let state = Mutex(State())

    /// The part of the duration that a holder does not use, so that the next one does not begin before it has stopped.
    private var margin: Duration { self.duration / 3 }
    private static let timeout: Duration = .seconds(2)

    /// - Parameter duration: how long others wait for a lease to be renewed before they take it.
    package init(stream: String, subject: String, duration: Duration, jetStream: JetStream) {
        self.stream = stream
        self.subject = subject
        self.duration = duration
        self.jetStream = jetStream
    }

    /// Whether this process has the lease and may rely on it.
    package func isHeld(at now: ContinuousClock.Instant = .now) -> Bool {
        self.state.withLock { $0.reliableUntil.map { now < $0 } ?? false }
    }

    /// The current message on the subject; nil if there is none.
    package func read() async throws(NATSError) -> StreamMessage? {
        try await self.jetStream.lastMessage(stream: self.stream, subject: self.subject)
    }

    /// Whether the process that wrote the current message may still rely on its lease. Called each time the message is read.
    package func isAlive(_ sequence: UInt64, at now: ContinuousClock.Instant = .now) -> Bool {
        self.state.withLock { state in
            if let seen = state.seen, seen.sequence == sequence { return now - seen.since < self.duration }
            state.seen = (sequence, now)
            return true
        }
    }

    /// Takes the lease, or renews it.
    /// - Parameter sequence: the sequence of the message to replace, 0 for none; by default that of this process's own message, or 0 if it has none.
    /// - Throws: `.wrongLastSequence` if another message is there by now.
    package func write(_ payload: [UInt8] = [], replacing sequence: UInt64? = nil, at now: ContinuousClock.Instant = .now) async throws(NATSError) {
        let expected = sequence ?? self.state.withLock { $0.own }
        do {
            let stored = try await self.jetStream.publish(payload, to: self.subject, expectedLastSubjectSequence: expected, timeout: Self.timeout)
            self.state.withLock { $0 = State(own: stored.sequence, reliableUntil: now + self.duration - self.margin) }
        } catch {
            // The message is another process's, or the server has dropped it; the next attempt shows which.
            if error.code == .wrongLastSequence { self.forget() }
            throw error
        }
    }

    /// Renews the lease if this process has it.
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

    /// Deletes this process's message, so that another process can take the lease at once. If that fails the lease ends by its age.
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
