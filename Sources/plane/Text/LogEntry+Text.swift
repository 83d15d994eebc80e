import PlaneClient
package import PlaneProtocol

extension LogEntry {
    /// Prints what the backend wrote, byte by byte, to the stream it was written to. Remarks of the agent go to standard error, with a mark.
    ///
    /// - Parameter continuesLine: whether the entry of the same kind before it did not end its line.
    func print(timestamps: Bool, continuesLine: Bool = false, _ console: Console) {
        let stamp = timestamps && !continuesLine ? self.time.map { "\($0) " } ?? "" : ""
        let text = stamp + (self.kind == .meta ? "[plane] " : "") + self.text + (self.endsLine ? "\n" : "")
        switch self.kind {
        case .stdout: console.writeOut(text)
        case .stderr, .meta: console.writeError(text)
        }
    }
}

extension LogEntry: JSONEncodable {
    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("kind", self.kind)
            $0.field("time", self.time)
            $0.field("text", self.text)
            $0.fieldIfPresent("continues", self.endsLine ? nil : true)
        }
    }
}
