import PlaneProtocol

/// The bytes between an operator and a program in a container: input that has come and was not read, and output that was written and not fetched. Knows no
/// time and no engine.
///
/// Neither direction holds more than its limit. Requests may be repeated: input carries its offset, and a piece of output keeps its number until the next one
/// is asked for.
struct ExecQueues {
    enum End: Hashable, Sendable {
        case exited(Int64)
        case failed(String)
    }

    /// How many bytes of input may wait for the program.
    static let inputLimit = 256 * 1024
    /// How many bytes of output may wait before the program has to.
    static let outputLimit = 512 * 1024

    // MARK: Input

    private var taken: UInt64 = 0
    private var unread: [UInt8] = []
    private var size: TerminalSize?
    private var isInputComplete = false
    private var isInputEndTold = false

    /// - Returns: How many bytes of input have been accepted since the beginning; nil when there is no room for any of these now.
    mutating func take(_ input: ExecInput) throws(ErrorReply) -> UInt64? {
        guard input.offset <= self.taken else {
            throw ErrorReply(code: .badRequest, message: "offset: expected at most \(self.taken), found \(input.offset)")
        }
        let repeated = Int(min(self.taken - input.offset, UInt64(input.data.bytes.count)))
        let new = input.data.bytes.dropFirst(repeated)
        guard new.isEmpty || !self.isInputComplete else { throw ErrorReply(code: .badRequest, message: "the input has ended before") }
        if let size = input.terminal { self.size = size }
        let part = new.prefix(max(0, Self.inputLimit - self.unread.count))
        guard !part.isEmpty || new.isEmpty else { return nil }
        self.unread += part
        self.taken += UInt64(part.count)
        if input.isLast, part.count == new.count { self.isInputComplete = true }
        return self.taken
    }

    /// The next input for the program; nil while there is none.
    mutating func nextInput() -> ExecPort.Input? {
        if let size {
            self.size = nil
            return .resized(size)
        }
        if !self.unread.isEmpty {
            defer { self.unread = [] }
            return .bytes(self.unread)
        }
        guard self.isInputComplete, !self.isInputEndTold else { return nil }
        self.isInputEndTold = true
        return .end
    }

    /// Called when the operator is gone, so that no more input will come. A program on a terminal is interrupted, as if a person had closed the window.
    mutating func abandon(hasTerminal: Bool) {
        if hasTerminal, !self.isInputComplete { self.unread += [0x03, 0x04] }
        self.isInputComplete = true
    }

    // MARK: Output

    private struct Written {
        var stream: ExecOutput.Stream
        var bytes: ArraySlice<UInt8>
    }

    private var written: [Written] = []
    private var writtenBytes = 0
    private(set) var end: End?
    /// The piece that was returned last, and may be asked for again.
    private var told: ExecOutput?
    private var lastNumber: UInt64 = 0

    var hasRoom: Bool { self.writtenBytes < Self.outputLimit }
    /// Whether the operator has received all output and the end.
    private(set) var isOver = false

    mutating func write(_ bytes: [UInt8], to stream: ExecOutput.Stream) {
        guard !bytes.isEmpty else { return }
        self.writtenBytes += bytes.count
        // Small writes are sent together.
        if let last = self.written.last, last.stream == stream, last.bytes.count + bytes.count <= ExecOutput.largestPiece {
            self.written[self.written.count - 1].bytes += bytes
        } else {
            self.written.append(Written(stream: stream, bytes: bytes[...]))
        }
    }

    mutating func finish(_ end: End) { if self.end == nil { self.end = end } }

    /// - Parameter number: the number of the last piece that the operator has received.
    /// - Returns: Nil while there is nothing to send.
    mutating func output(after number: UInt64) throws(ErrorReply) -> ExecOutput? {
        if let told, number &+ 1 == self.lastNumber { return told }
        guard number == self.lastNumber else {
            throw ErrorReply(code: .badRequest, message: "after: expected \(self.lastNumber), found \(number)")
        }
        if self.end != nil, self.written.isEmpty, self.told?.isEnd == true {
            self.isOver = true
            return self.told
        }
        guard let next = self.nextPiece(number: number + 1) else { return nil }
        self.lastNumber += 1
        self.told = next
        return next
    }

    private mutating func nextPiece(number: UInt64) -> ExecOutput? {
        guard var first = self.written.first else {
            switch self.end {
            case .exited(let code)?: return .ended(number: number, exitCode: code)
            case .failed(let text)?: return .failed(number: number, text)
            case nil: return nil
            }
        }
        let part = first.bytes.prefix(ExecOutput.largestPiece)
        first.bytes = first.bytes.dropFirst(part.count)
        if first.bytes.isEmpty { self.written.removeFirst() } else { self.written[0] = first }
        self.writtenBytes -= part.count
        return .piece(number: number, first.stream, Base64Text(part))
    }
}

extension ExecOutput {
    fileprivate var isEnd: Bool {
        switch self {
        case .nothingYet, .piece: false
        case .ended, .failed: true
        }
    }
}
