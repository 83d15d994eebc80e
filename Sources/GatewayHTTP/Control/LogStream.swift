import GatewayCore
import PlaneClient
import PlaneProtocol
import Synchronization

/// A backend's log as a stream of events: the lines that are kept, then those that come, until the backend has ended. The id of each event is the line's
/// sequence in the stream of lines, so that a reader can go on behind it.
///
/// No line is fetched before the one before it is on its way to the reader, who may be slow.
struct LogStream: Sendable {
    let fleet: Fleet
    let backend: BackendID

    /// The last lines may come after the end is told.
    private static let grace: Duration = .seconds(2)

    /// Why the lines that come are not waited for any more.
    private enum Pause: Sendable {
        case backendHasEnded
        /// The process is to end, or the reader is too slow for the statuses.
        case interrupted
        case readerIsGone(any Error)
    }

    /// - Parameter lastEventID: of the last line that the reader has; anything but a number counts as none.
    func reply(lastEventID: String?) async throws(GatewayError) -> Reply {
        try await self.fleet.demandFollowing()
        // Before the status is read, so that no end is missed in between.
        let ends = self.fleet.hub.events(of: self.backend)
        let seen = lastEventID.flatMap { UInt64($0.trimmed) } ?? 0
        let hasEnded = try await self.hasEnded()
        let kept = try await self.logs(behind: seen, follows: false)
        return .events { writer in
            let position = Position(seen)
            for log in kept { try await Self.tell(log, position, writer) }
            if !hasEnded {
                switch try await self.follow(ends, position, writer) {
                case .interrupted: return
                case .readerIsGone(let error): throw error
                // Whoever reads slowly is told the rest, too.
                case .backendHasEnded: for log in try await self.logs(behind: position.value, follows: false) { try await Self.tell(log, position, writer) }
                }
            }
        }
    }

    /// - Throws: `NotFound` for a backend of which nobody knows anything, not even a line.
    private func hasEnded() async throws(GatewayError) -> Bool {
        do throws(GatewayError) {
            return try await StatusReader(fleet: self.fleet).status(of: self.backend).status == .terminated
        } catch {
            guard error == .backendNotFound, try await !self.logs(behind: 0, follows: false).allSatisfy(\.isEmpty) else { throw error }
            return true
        }
    }

    private func logs(behind sequence: UInt64, follows: Bool) async throws(GatewayError) -> [StreamEntries<BackendLogMessage>] {
        let (client, backend) = (self.fleet.client, self.backend)
        return try await StatusReader(fleet: self.fleet).ask { () async throws(PlaneError) in
            try await client.logs(of: backend, behind: sequence, follows: follows)
        }
    }

    /// The sequence of the last line that was written.
    private final class Position: Sendable {
        private let sequence: Mutex<UInt64>

        init(_ sequence: UInt64) { self.sequence = Mutex(sequence) }

        var value: UInt64 { self.sequence.withLock { $0 } }
        func reach(_ sequence: UInt64) { self.sequence.withLock { $0 = max($0, sequence) } }
    }

    private static func tell(_ log: StreamEntries<BackendLogMessage>, _ position: Position, _ writer: PieceWriter) async throws {
        var writer = writer
        for await entry in log {
            try await writer.write(EventStreamText.event(WireCodec.encode(BackendLogLine(LogEntry(entry.message))), id: "\(entry.sequence)"))
            position.reach(entry.sequence)
        }
    }

    /// Writes the lines that come until the backend has ended.
    private func follow(_ ends: StatusHub.Feed, _ position: Position, _ writer: PieceWriter) async throws -> Pause {
        let logs = try await self.logs(behind: position.value, follows: true)
        return await withTaskGroup(of: Pause?.self) { group in
            for log in logs {
                group.addTask {
                    do {
                        try await Self.tell(log, position, writer)
                        return nil
                    } catch {
                        return .readerIsGone(error)
                    }
                }
            }
            group.addTask {
                var writer = writer
                do {
                    for await event in ends.events {
                        switch event {
                        case .tick: try await writer.write(EventStreamText.keepAlive)
                        case .message(let message):
                            guard message.state.isTerminal else { continue }
                            try await Task.sleep(for: Self.grace)
                            return .backendHasEnded
                        }
                    }
                    return .interrupted
                } catch {
                    return .readerIsGone(error)
                }
            }
            defer { group.cancelAll() }
            for await pause in group { if let pause { return pause } }
            return .interrupted
        }
    }
}
