package import ConfigurationReading
package import Logging

/// Settings of the log (table `log`).
package struct LogConfiguration: Hashable, Sendable {
    package enum Format: String, CaseIterable, Sendable {
        /// One line for people.
        case text
        /// One JSON object on a line, for programs.
        case json
        /// To systemd's journal, with every value in a field of its own; as text where there is no journal.
        case journal
    }

    package var format: Format = .text
    package var level: Logger.Level = .info
    /// Whether to send every event to NATS, too, as 0.3 did.
    package var publish = false

    package init() {}
}

extension LogConfiguration: ConfigReadable {
    package init?(_ reader: inout ConfigReader) {
        self.init()
        reader.read(
            "format", .choice(), into: &self.format,
            "How log events are written: text (for people) or json (for machines) to standard error, or journal: to systemd's journal with a field for each datum."
        )
        reader.read("level", .choice(), into: &self.level, "The least important events that are logged.")
        reader.read(
            "publish", .boolean, into: &self.publish,
            "Also send log events to NATS, on logs.controller or logs.drone.<drone_id>, for whoever listens at the moment.")
    }
}
