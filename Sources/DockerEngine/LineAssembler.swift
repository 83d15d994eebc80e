import UTCTime

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
    private let hasTerminal: Bool
    private var text: [UInt8] = []
    private var time: UTCInstant?
    /// Bytes of a piece's beginning which may be its time; nil when that is settled.
    private var head: [UInt8]?

    init(source: LogLine.Source, hasTerminal: Bool) {
        self.source = source
        self.hasTerminal = hasTerminal
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
            if self.text.count >= Self.lengthLimit { emit(self.takePart()) }
        }
    }

    /// The stream has ended: what is there has no line feed, and gets none.
    mutating func finish(emit: (LogLine) -> Void) {
        self.settleHead()
        if !self.text.isEmpty { emit(self.takeLine(isComplete: false)) }
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
        if let time = UTCInstant(engine: words) {
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
        // A terminal ends its lines with both; without one, a carriage return is the program's own.
        if isComplete, self.hasTerminal, bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        return LogLine(
            source: self.source, time: self.time, text: String(decoding: bytes, as: UTF8.self), isComplete: isComplete)
    }

    /// As much of a long line as ends with a whole character; the rest, at most three bytes (RFC 3629), begins the next part.
    private mutating func takePart() -> LogLine {
        let rest = Array(self.text.suffix(Self.unfinishedCharacterLength(self.text)))
        self.text.removeLast(rest.count)
        let part = self.takeLine(isComplete: false)
        self.text += rest
        return part
    }

    /// How many bytes at the end begin a character that is not all there.
    private static func unfinishedCharacterLength(_ bytes: [UInt8]) -> Int {
        for length in 1...3 {
            guard length <= bytes.count else { return 0 }
            let byte = bytes[bytes.count - length]
            if byte & 0b1100_0000 == 0b1000_0000 { continue }  // goes on with a character
            let whole = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
            return whole > length ? length : 0
        }
        return 0  // a whole one of four bytes, or no UTF-8
    }
}
