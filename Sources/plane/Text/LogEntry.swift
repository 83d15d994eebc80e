import PlaneProtocol

/// A piece of a backend's log, with Docker's timestamp taken off its front.
struct LogEntry: JSONEncodable, Equatable {
    var kind: BackendLogMessage.Kind
    /// nil where the text does not begin with one.
    var time: WireTime?
    /// Without the line feed at the end.
    var text: String

    init(_ message: BackendLogMessage) {
        self.kind = message.kind
        var text = message.text[...]
        if let space = text.firstIndex(of: " "), let time = WireTime(String(text[..<space])) {
            self.time = time
            text = text[text.index(after: space)...]
        }
        if text.last?.isNewline == true { text = text.dropLast() }
        self.text = String(text)
    }

    /// On the stream it came from; what the agent says of the backend goes to standard error, marked.
    func print(timestamps: Bool, _ console: Console) {
        let stamp = timestamps ? self.time.map { "\($0) " } ?? "" : ""
        switch self.kind {
        case .stdout: console.line(stamp + self.text)
        case .stderr: console.note(stamp + self.text)
        case .meta: console.note("\(stamp)[plane] \(self.text)")
        }
    }

    func write(to json: inout JSONWriter) {
        json.object {
            $0.field("kind", self.kind)
            $0.field("time", self.time)
            $0.field("text", self.text)
        }
    }
}
