/// Puts the pieces of one output stream together into lines.
///
/// With timestamps, the daemon begins every piece with `2024-03-11T09:15:31.100000001Z ` and cuts lines longer than
/// 16 KiB into several pieces, each with a time of its own and only the last with a newline. A line has the time of its first piece.
struct LineAssembler {
    /// Longest text of one element, in bytes: well below what a message on its way to a reader may have.
    static let lengthLimit = 64 * 1024
    /// Longest text that may still become a time; 35 is the longest there is, with an offset.
    private static let timeLengthLimit = 40

    let source: LogLine.Source
    private var text: [UInt8] = []
    private var time: EngineTimestamp?
    /// Bytes of a piece's beginning which may be its time; nil when that is settled.
    private var head: [UInt8]?

    init(source: LogLine.Source) {
        self.source = source
    }

    /// What follows begins with a time.
    mutating func beginPiece() {
        self.settleHead()
        self.head = []
    }

    /// Takes bytes of the present piece; gives what becomes complete to `emit`.
    mutating func append(_ bytes: some Sequence<UInt8>, emit: (LogLine) -> Void) {
        for byte in bytes {
            guard byte != UInt8(ascii: "\n") else {
                self.settleHead()
                emit(self.takeLine(isComplete: true))
                continue
            }
            if self.head != nil {
                self.appendToHead(byte)
            } else {
                self.text.append(byte)
            }
            if self.text.count >= Self.lengthLimit { emit(self.takeLine(isComplete: false)) }
        }
    }

    /// The stream has ended: a line without an end is one all the same.
    mutating func finish(emit: (LogLine) -> Void) {
        self.settleHead()
        if !self.text.isEmpty { emit(self.takeLine(isComplete: true)) }
    }

    private mutating func appendToHead(_ byte: UInt8) {
        self.head?.append(byte)
        if byte == UInt8(ascii: " ") || (self.head?.count ?? 0) > Self.timeLengthLimit { self.settleHead() }
    }

    /// Decides whether the bytes at the beginning of the piece are its time; if not, they are text.
    private mutating func settleHead() {
        guard let head = self.head else { return }
        self.head = nil
        let words = head.last == UInt8(ascii: " ") ? head.dropLast() : head[...]
        if let time = EngineTimestamp(rfc3339: words) {
            if self.time == nil { self.time = time }
        } else {
            self.text += head
        }
    }

    private mutating func takeLine(isComplete: Bool) -> LogLine {
        defer {
            self.text.removeAll(keepingCapacity: true)
            if isComplete { self.time = nil }
        }
        var bytes = self.text[...]
        if isComplete, bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        return LogLine(
            source: self.source, time: self.time, text: String(decoding: bytes, as: UTF8.self), isComplete: isComplete)
    }
}
