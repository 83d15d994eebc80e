package import PlaneProtocol

/// A piece of a backend's log, with Docker's timestamp taken off its front.
package struct LogEntry: Hashable, Sendable {
    package var kind: BackendLogMessage.Kind
    /// Nil if the text does not begin with a timestamp.
    package var time: WireTime?
    /// The text without the line feed at its end.
    package var text: String
    /// Whether there was a line feed. A line that is longer than one message continues in the next message of its kind.
    package var endsLine: Bool

    package init(_ message: BackendLogMessage) {
        self.kind = message.kind
        var text = message.text[...]
        if let space = text.firstIndex(of: " "), let time = WireTime(String(text[..<space])) {
            self.time = time
            text = text[text.index(after: space)...]
        }
        // Looks at bytes, not characters: "\r\n" is one character, and some other characters end lines for some readers.
        self.endsLine = text.utf8.last == UInt8(ascii: "\n")
        if self.endsLine { text = Substring(text.unicodeScalars.dropLast()) }
        self.text = String(text)
        // Each remark of the agent is a line of its own, with or without a line feed.
        if self.kind == .meta { self.endsLine = true }
    }
}
