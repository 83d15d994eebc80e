import UTCTime

/// Joins the pieces of one output stream to lines.
///
/// With timestamps the daemon begins every piece with `2024-03-11T09:15:31.100000001Z `, and cuts lines longer than 16 KiB into several pieces, each with a
/// time of its own and only the last with a newline. A line has the time of its first piece.
struct LineAssembler {
    /// The longest text of one element, in bytes: well below what a message with it may have.
    static let lengthLimit = 64 * 1024
    /// The longest text that may be a time; the longest time has 35 characters, with an offset.
    private static let timeLengthLimit = 40

    let source: LogLine.Source
    private let hasTerminal: Bool
    private var text: [UInt8] = []
    private var time: UTCInstant?
    /// The first bytes of a piece, which may be its time; nil once that is decided.
    private var head: [UInt8]?

    init(source: LogLine.Source, hasTerminal: Bool) {
        self.source = source
        self.hasTerminal = hasTerminal
    }

    /// The next bytes begin a piece, with a time.
    mutating func beginPiece() {
        self.settleHead()
        self.head = []
    }

    /// Takes bytes of the current piece; calls `emit` with the lines that become complete.
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

    /// The stream has ended; the rest is a line without a line feed.
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
        // A terminal ends its lines with both characters; otherwise a carriage return is part of the text.
        if isComplete, self.hasTerminal, bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        return LogLine(
            source: self.source, time: self.time, text: String(decoding: bytes, as: UTF8.self), isComplete: isComplete)
    }

    /// Returns as much of a long line as ends with a complete character. The rest, at most three bytes (RFC 3629), begins the next part.
    private mutating func takePart() -> LogLine {
        let rest = Array(self.text.suffix(Self.unfinishedCharacterLength(self.text)))
        self.text.removeLast(rest.count)
        let part = self.takeLine(isComplete: false)
        self.text += rest
        return part
    }

    /// How many bytes at the end belong to an incomplete character.
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
