import PlaneProtocol

/// A piece of a backend's log, with Docker's timestamp taken off its front.
struct LogEntry: JSONEncodable, Equatable {
    var kind: BackendLogMessage.Kind
    /// nil where the text does not begin with one.
    var time: WireTime?
    /// Without the line feed at the end.
    var text: String
    /// Whether there was one. A line that is longer than one message goes on in the next of its kind.
    var endsLine: Bool

    init(_ message: BackendLogMessage) {
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

    /// On the stream it came from, byte by byte what the backend wrote; what the agent says of the backend goes to standard error, marked.
    ///
    /// - Parameter continuesLine: Whether the entry of its kind before it did not end its line.
    func print(timestamps: Bool, continuesLine: Bool = false, _ console: Console) {
        let stamp = timestamps && !continuesLine ? self.time.map { "\($0) " } ?? "" : ""
        let text = stamp + (self.kind == .meta ? "[plane] " : "") + self.text + (self.endsLine ? "\n" : "")
        switch self.kind {
        case .stdout: console.writeOut(text)
        case .stderr, .meta: console.writeError(text)
        }
    }

    func write(to json: inout JSONWriter) {
        json.object {
            $0.field("kind", self.kind)
            $0.field("time", self.time)
            $0.field("text", self.text)
            $0.fieldIfPresent("continues", self.endsLine ? nil : true)
        }
    }
}
