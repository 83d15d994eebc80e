import NIOCore

/// What a program in a container has written: a part of one of its streams, as it came.
package struct ExecPiece: Hashable, Sendable {
    package enum Source: Hashable, Sendable { case standardOutput, standardError }

    package var source: Source
    package var bytes: [UInt8]

    package init(source: Source, bytes: [UInt8]) {
        self.source = source
        self.bytes = bytes
    }
}

/// Reads the stream of an exec: frames as in a log (see `LogDecoder`), or with a terminal one raw stream. Holds no more than a frame's header, since
/// a frame may be of any length.
struct ExecFrameDecoder: Sendable {
    private static let headerLength = 8

    private let hasTerminal: Bool
    private var header: [UInt8] = []
    private var source = ExecPiece.Source.standardOutput
    /// Bytes of the present frame that have not come.
    private var remaining = 0

    init(hasTerminal: Bool) { self.hasTerminal = hasTerminal }

    mutating func feed(_ buffer: ByteBuffer) throws(StreamError) -> [ExecPiece] {
        var rest = buffer.readableBytesView[...]
        guard !self.hasTerminal else { return rest.isEmpty ? [] : [ExecPiece(source: .standardOutput, bytes: Array(rest))] }
        var pieces: [ExecPiece] = []
        while !rest.isEmpty {
            if self.remaining == 0 {
                let part = rest.prefix(Self.headerLength - self.header.count)
                self.header += part
                rest = rest.dropFirst(part.count)
                if self.header.count == Self.headerLength { try self.beginFrame() }
                continue
            }
            let part = rest.prefix(self.remaining)
            rest = rest.dropFirst(part.count)
            self.remaining -= part.count
            if pieces.last?.source == self.source {
                pieces[pieces.count - 1].bytes += part
            } else {
                pieces.append(ExecPiece(source: self.source, bytes: Array(part)))
            }
        }
        return pieces
    }

    private mutating func beginFrame() throws(StreamError) {
        guard self.header[0] <= 3, self.header[1...3].allSatisfy({ $0 == 0 }) else { throw .malformed("an exec's frame begins with \(self.header)") }
        // 3 is the daemon itself, which tells of its own trouble where the program's errors go.
        self.source = self.header[0] < 2 ? .standardOutput : .standardError
        self.remaining = self.header[4...].reduce(0) { $0 << 8 | Int($1) }
        self.header = []
    }
}
