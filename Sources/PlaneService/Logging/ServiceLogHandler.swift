package import Logging
import PlaneProtocol

/// Writes log events to standard error.
package struct ServiceLogHandler: LogHandler {
    package var metadata: Logger.Metadata = [:]
    package var logLevel: Logger.Level
    package var metadataProvider: Logger.MetadataProvider?
    private let label: String
    private let format: LogConfiguration.Format
    private let write: @Sendable ([UInt8]) -> Void

    /// - Parameter write: takes one line, from any thread.
    package init(label: String, configuration: LogConfiguration, write: @escaping @Sendable ([UInt8]) -> Void = StandardError.write) {
        self.label = label
        self.logLevel = configuration.level
        self.format = configuration.format
        self.write = write
    }

    package subscript(metadataKey key: String) -> Logger.MetadataValue? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var metadata = self.metadata
        if let provided = self.metadataProvider?.get() { metadata.merge(provided) { $1 } }
        if let explicit = event.metadata { metadata.merge(explicit) { $1 } }
        if let error = event.error { metadata[LogKey.error] = "\(error)" }
        let record = LogRecord(
            time: .now(), level: event.level, label: self.label, message: event.message.description, metadata: metadata)
        switch self.format {
        case .text: self.write(Array(record.textLine.utf8))
        case .json: self.write(record.jsonLine)
        }
    }
}
