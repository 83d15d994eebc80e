package import PlaneProtocol

/// A piece of a backend's log, with Docker's timestamp taken off its front.
package struct LogEntry: Hashable, Sendable {
    package var kind: BackendLogMessage.Kind
    /// nil where the text does not begin with one.
    package var time: WireTime?
    /// Without the line feed at the end.
    package var text: String
    /// Whether there was one. A line that is longer than one message goes on in the next of its kind.
    package var endsLine: Bool

    package init(_ message: BackendLogMessage) {
        self.kind = message.kind
        var text = message.text[...]
        if let space = text.firstIndex(of: " "), let time = WireTime(String(text[..<space])) {
            self.time = time
            text = text[text.index(after: space)...]
        }
        // Of the bytes, not the characters: "\r\n" is one of those, and other characters end lines for some readers.
        self.endsLine = text.utf8.last == UInt8(ascii: "\n")
        if self.endsLine { text = Substring(text.unicodeScalars.dropLast()) }
        self.text = String(text)
        // The agent's remarks are lines of their own, however they end.
        if self.kind == .meta { self.endsLine = true }
    }
}
