import NIOCore

/// A piece of output of a program in a container, as it came.
package struct ExecPiece: Hashable, Sendable {
    package enum Source: Hashable, Sendable { case standardOutput, standardError }

    package var source: Source
    package var bytes: [UInt8]

    package init(source: Source, bytes: [UInt8]) {
        self.source = source
        self.bytes = bytes
    }
}

/// Decodes the stream of an exec: frames as in a log (see `LogDecoder`) or, with a terminal, one raw stream. Keeps no more than a frame's header, since a
/// frame may have any length.
struct ExecFrameDecoder: Sendable {
    private static let headerLength = 8

    private let hasTerminal: Bool
    private var header: [UInt8] = []
    private var source = ExecPiece.Source.standardOutput
    /// How many bytes of the current frame have not come.
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
        // 3 is the daemon itself; its errors are treated like the program's.
        self.source = self.header[0] < 2 ? .standardOutput : .standardError
        self.remaining = self.header[4...].reduce(0) { $0 << 8 | Int($1) }
        self.header = []
    }
}
