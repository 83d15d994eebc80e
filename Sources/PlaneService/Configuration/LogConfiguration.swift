package import Logging

/// What is logged, and how (table `log`).
package struct LogConfiguration: Hashable, Sendable {
    package enum Format: String, CaseIterable, Sendable {
        /// One line for a person.
        case text
        /// One JSON object in a line, for machines.
        case json
    }

    package var format: Format = .text
    package var level: Logger.Level = .info

    package init() {}
}

extension LogConfiguration: ConfigReadable {
    package init?(_ reader: inout ConfigReader) {
        self.init()
        reader.read("format", .choice(), into: &self.format, "How log lines are written to standard error: text for people, json for machines.")
        reader.read("level", .choice(), into: &self.level, "The least important events that are logged.")
    }
}
