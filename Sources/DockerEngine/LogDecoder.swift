package import NIOCore
package import UTCTime

/// One line of a container's output.
package struct LogLine: Hashable, Sendable {
    package enum Source: Hashable, Sendable {
        case standardOutput, standardError
    }

    package var source: Source
    /// When the daemon received the line; nil for lines of a terminal's stream that do not begin with a time.
    package var time: UTCInstant?
    /// The line without its line feed. Bytes that are not UTF-8 are replaced by U+FFFD.
    package var text: String
    /// False if the line was longer than the limit, so that the next element of this source continues it, and for a last line without a line feed.
    package var isComplete: Bool
}

/// Reads a container's log stream into lines.
///
/// Without a terminal, the daemon sends frames, and each is one piece of a line (API reference, "Attach to a container"):
///
///     +--------+---+---+---+----------------+---------------- … -+
///     | source | 0 | 0 | 0 | length, 32 bit | length bytes        |
///     +--------+---+---+---+----------------+---------------- … -+
///       1 byte               big endian
///
/// With a terminal there is one raw stream, whose lines end in `\r\n`.
package struct LogDecoder: StreamDecoder {
    private enum State {
        /// In a frame's header; these bytes of it have come.
        case header([UInt8])
        case payload(UInt8, remaining: Int)
        /// There are no frames, because this is a terminal's stream. True at the beginning of a line.
        case raw(isLineStart: Bool)
    }

    private static let headerLength = 8
    /// How many bytes of the daemon's text about its own failure are kept.
    private static let failureLimit = 1024

    private var state: State
    private var output: LineAssembler
    private var errors: LineAssembler
    /// The daemon's own text, which comes in place of the container's output when the daemon cannot read its log.
    private var failure: [UInt8] = []

    package init(hasTerminal: Bool) {
        self.output = LineAssembler(source: .standardOutput, hasTerminal: hasTerminal)
        self.errors = LineAssembler(source: .standardError, hasTerminal: hasTerminal)
        self.state = hasTerminal ? .raw(isLineStart: true) : .header([])
    }

    package mutating func feed(_ bytes: ByteBuffer) throws(StreamError) -> [LogLine] {
        var lines: [LogLine] = []
        var rest = bytes.readableBytesView[...]
        while !rest.isEmpty {
            switch self.state {
            case .header(var header):
                let missing = Self.headerLength - header.count
                header += rest.prefix(missing)
                rest = rest.dropFirst(missing)
                self.state = header.count < Self.headerLength ? .header(header) : try self.beginFrame(header)
            case .payload(let source, let remaining):
                let part = rest.prefix(remaining)
                rest = rest.dropFirst(part.count)
                self.append(part, of: source) { lines.append($0) }
                if part.count == remaining { try self.endFrame() } else { self.state = .payload(source, remaining: remaining - part.count) }
            case .raw(let isLineStart):
                if isLineStart { self.output.beginPiece() }
                let end = rest.firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 }
                self.output.append(rest[..<(end ?? rest.endIndex)]) { lines.append($0) }
                rest = rest[(end ?? rest.endIndex)...]
                self.state = .raw(isLineStart: end != nil)
            }
        }
        return lines
    }

    /// A frame breaks off when the daemon dies; the part that has come is returned.
    package mutating func finish() throws(StreamError) -> [LogLine] {
        if !self.failure.isEmpty { throw .daemonFailed(String(decoding: self.failure, as: UTF8.self)) }
        var lines: [LogLine] = []
        self.output.finish { lines.append($0) }
        self.errors.finish { lines.append($0) }
        return lines
    }

    /// 0 is standard input, which counts as output; 3 is the daemon itself (`stdcopy.Systemerr`).
    private mutating func beginFrame(_ header: [UInt8]) throws(StreamError) -> State {
        guard header[0] <= 3, header[1...3].allSatisfy({ $0 == 0 }) else {
            throw .malformed("a log frame begins with \(header)")
        }
        switch header[0] {
        case 0, 1: self.output.beginPiece()
        case 2: self.errors.beginPiece()
        default: break
        }
        let length = header[4...].reduce(0) { $0 << 8 | Int($1) }
        return length == 0 ? .header([]) : .payload(header[0], remaining: length)
    }

    private mutating func append(_ bytes: some Sequence<UInt8>, of source: UInt8, emit: (LogLine) -> Void) {
        switch source {
        case 0, 1: self.output.append(bytes, emit: emit)
        case 2: self.errors.append(bytes, emit: emit)
        default: self.failure += bytes.prefix(Self.failureLimit - min(self.failure.count, Self.failureLimit))
        }
    }

    private mutating func endFrame() throws(StreamError) {
        if !self.failure.isEmpty { throw .daemonFailed(String(decoding: self.failure, as: UTF8.self)) }
        self.state = .header([])
    }
}
