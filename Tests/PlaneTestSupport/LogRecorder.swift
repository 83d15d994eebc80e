package import Logging
import Synchronization

/// Keeps what is logged, and tells a waiting test when something is.
package final class LogRecorder: Sendable {
    package struct Entry: Sendable {
        package var level: Logger.Level
        package var message: String
        package var metadata: Logger.Metadata
    }

    private struct State {
        var entries: [Entry] = []
        var waiters: [(message: String, continuation: CheckedContinuation<Entry, Never>)] = []
    }

    private struct Handler: LogHandler {
        let recorder: LogRecorder
        var logLevel = Logger.Level.trace
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { self.metadata[key] }
            set { self.metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let metadata = self.metadata.merging(event.metadata ?? [:]) { _, new in new }
            self.recorder.add(Entry(level: event.level, message: "\(event.message)", metadata: metadata))
        }
    }

    private let state = Mutex(State())

    package init() {}

    /// A logger of every level that writes here.
    package var logger: Logger { Logger(label: "test") { _ in Handler(recorder: self) } }

    package var entries: [Entry] { self.state.withLock { $0.entries } }

    /// Everything logged so far as text, metadata included: to look for what must not be there.
    package var text: String {
        self.entries.map { "\($0.level) \($0.message) \($0.metadata)" }.joined(separator: "\n")
    }

    /// The first entry with this message, waiting for it.
    package func entry(_ message: String) async -> Entry {
        await withCheckedContinuation { continuation in
            let found: Entry? = self.state.withLock { state in
                let found = state.entries.first { $0.message == message }
                if found == nil { state.waiters.append((message, continuation)) }
                return found
            }
            if let found { continuation.resume(returning: found) }
        }
    }

    private func add(_ entry: Entry) {
        let waiters = self.state.withLock { state in
            state.entries.append(entry)
            let waiters = state.waiters.filter { $0.message == entry.message }
            state.waiters.removeAll { $0.message == entry.message }
            return waiters
        }
        for waiter in waiters { waiter.continuation.resume(returning: entry) }
    }
}
