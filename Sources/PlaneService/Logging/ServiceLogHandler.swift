package import Logging
import LogKeys
import PlaneProtocol

/// Passes log events to the process's log and to the feed over NATS.
package struct ServiceLogHandler: LogHandler {
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    private let label: String
    private let sink: LogSink
    private let feed: LogFeed
    private let readiness: Readiness
    private var threshold: Logger.Level

    package init(
        label: String, level: Logger.Level, sink: LogSink, feed: LogFeed = .ofThisProcess, readiness: Readiness = .ofThisProcess
    ) {
        self.label = label
        self.threshold = level
        self.sink = sink
        self.feed = feed
        self.readiness = readiness
    }

    /// The configured level, but at most `info` while systemd waits for the message that the service is ready.
    package var logLevel: Logger.Level {
        get { self.readiness.isAwaited ? min(self.threshold, .info) : self.threshold }
        set { self.threshold = newValue }
    }

    package subscript(metadataKey key: String) -> Logger.MetadataValue? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let message = event.message.description
        if self.readiness.isAwaited { self.readiness.heard(message, of: self.label) }
        guard event.level >= self.threshold else { return }
        var metadata = self.metadata
        if let provided = self.metadataProvider?.get() { metadata.merge(provided) { $1 } }
        if let explicit = event.metadata { metadata.merge(explicit) { $1 } }
        if let error = event.error { metadata[LogKey.error] = "\(error)" }
        let record = LogRecord(
            time: .now(), level: event.level, label: self.label, message: message, metadata: metadata, source: event.source,
            file: event.file, line: event.line)
        self.sink.write(record)
        self.feed.take(record)
    }
}
