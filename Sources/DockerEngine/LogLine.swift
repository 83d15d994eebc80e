package import UTCTime

/// One line a container has written.
package struct LogLine: Hashable, Sendable {
    package enum Source: Hashable, Sendable {
        case standardOutput, standardError
    }

    package var source: Source
    /// When the daemon received it; nil for lines of a terminal's stream that do not begin with a time.
    package var time: UTCInstant?
    /// Without its line feed. What is not UTF-8 is replaced by U+FFFD.
    package var text: String
    /// False when the line was longer than we hold, and the next element of this source continues it; and for what was written last and not
    /// ended with a line feed.
    package var isComplete: Bool
}
