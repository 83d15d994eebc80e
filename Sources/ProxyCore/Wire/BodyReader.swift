/// Follows the framing of one body through its bytes, without keeping any of them.
///
/// ```
///   chunked:   size CRLF  data CRLF  size CRLF  data CRLF  0 CRLF  trailers  CRLF
///              ╰framing─╯ ╰payload╯ ╰──framing──╯ …              ╰───framing───╯
/// ```
///
/// What was read is well-formed, so it may be sent on byte by byte, and the next reader understands it in the same way. Only ``ChunkExtensions`` are not sent
/// on, in either direction.
struct BodyReader {
    enum Step: Equatable {
        /// The next `count` bytes are content.
        case payload(Int)
        /// The next `count` bytes are chunk sizes, line ends or trailers.
        case framing(Int)
        /// The next `count` bytes are the extensions of a chunk.
        case extensions(Int)
        /// The bytes end inside a piece of framing; show them again with more behind them.
        case needsMore
        /// The body ended before these bytes.
        case ended
    }

    private enum State {
        case length(UInt64)
        case untilClose
        case chunkSize
        case chunkExtensions(length: Int, size: UInt64)
        /// Waits for the line end behind the extensions.
        case chunkSizeEnd(size: UInt64)
        case chunkData(UInt64)
        case chunkEnd
        case trailers(count: Int, bytes: Int)
        case ended
    }

    private var state: State

    /// A size with more hexadecimal digits could overflow 64 bits, and no chunk is that long.
    private static let chunkSizeDigitLimit = 15

    init(_ framing: BodyFraming) {
        self.state =
            switch framing {
            case .none, .length(0): .ended
            case .length(let count): .length(count)
            case .chunked: .chunkSize
            case .untilClose: .untilClose
            }
    }

    var hasEnded: Bool {
        if case .ended = self.state { true } else { false }
    }

    /// Whether the end of the connection is the end of the body.
    var endsWithConnection: Bool {
        if case .untilClose = self.state { true } else { false }
    }

    /// Takes content of a body whose end is told by its stream of HTTP/2. It comes without framing, and must be as long as the head says, if the head says
    /// so.
    mutating func take(_ count: Int) throws(HTTPViolation) {
        switch self.state {
        case .length(let remaining):
            guard count <= remaining else { throw .bodyContradictsLength }
            self.state = count == remaining ? .ended : .length(remaining - UInt64(count))
        case .untilClose: break
        case .ended: if count > 0 { throw .bodyContradictsLength }
        case .chunkSize, .chunkExtensions, .chunkSizeEnd, .chunkData, .chunkEnd, .trailers:
            preconditionFailure("chunks say by themselves where they end")
        }
    }

    /// The stream of HTTP/2 has ended.
    mutating func end() throws(HTTPViolation) {
        switch self.state {
        case .length: throw .bodyContradictsLength
        case .untilClose, .ended: self.state = .ended
        case .chunkSize, .chunkExtensions, .chunkSizeEnd, .chunkData, .chunkEnd, .trailers:
            preconditionFailure("chunks say by themselves where they end")
        }
    }

    /// Reads the next piece, which begins at `start`.
    mutating func next(
        _ bytes: Span<UInt8>, from start: Int, limits: borrowing ProxyLimits
    ) throws(HTTPViolation) -> Step {
        let available = bytes.count - start
        switch self.state {
        case .ended:
            return .ended
        case .untilClose:
            return available > 0 ? .payload(available) : .needsMore
        case .length(let remaining):
            guard available > 0 else { return .needsMore }
            let count = available >= remaining ? Int(remaining) : available
            self.state = count == remaining ? .ended : .length(remaining - UInt64(count))
            return .payload(count)
        case .chunkSize:
            return try self.readChunkSize(bytes, start)
        case .chunkExtensions(let length, let size):
            self.state = .chunkSizeEnd(size: size)
            return .extensions(length)
        case .chunkSizeEnd(let size):
            guard try Self.hasLineEnd(bytes, start, else: .malformedChunkExtension) else { return .needsMore }
            self.beginChunk(size)
            return .framing(2)
        case .chunkData(let remaining):
            guard available > 0 else { return .needsMore }
            let count = available >= remaining ? Int(remaining) : available
            self.state = count == remaining ? .chunkEnd : .chunkData(remaining - UInt64(count))
            return .payload(count)
        case .chunkEnd:
            guard try Self.hasLineEnd(bytes, start, else: .malformedChunkEnd) else { return .needsMore }
            self.state = .chunkSize
            return .framing(2)
        case .trailers(let count, let size):
            return try self.readTrailer(bytes, start, count: count, size: size, limits: limits)
        }
    }

    private mutating func readChunkSize(_ bytes: Span<UInt8>, _ start: Int) throws(HTTPViolation) -> Step {
        var size: UInt64 = 0
        var position = start
        while position < bytes.count, let digit = bytes[position].hexValue {
            size = size << 4 | UInt64(digit)
            position += 1
            guard position - start <= Self.chunkSizeDigitLimit else { throw .malformedChunkSize }
        }
        guard position < bytes.count else { return .needsMore }
        guard position > start else { throw .malformedChunkSize }
        if bytes[position] == UInt8(ascii: ";") || bytes[position].isBlank {
            guard let end = try ChunkExtensions.end(bytes, from: position) else { return .needsMore }
            self.state = .chunkExtensions(length: end - position, size: size)
            return .framing(position - start)
        }
        guard try Self.hasLineEnd(bytes, position, else: .malformedChunkSize) else { return .needsMore }
        self.beginChunk(size)
        return .framing(position + 2 - start)
    }

    private mutating func beginChunk(_ size: UInt64) {
        self.state = size == 0 ? .trailers(count: 0, bytes: 0) : .chunkData(size)
    }

    /// Reads one complete trailer line, or the blank line that ends the body.
    private mutating func readTrailer(
        _ bytes: Span<UInt8>, _ start: Int, count: Int, size: Int, limits: borrowing ProxyLimits
    ) throws(HTTPViolation) -> Step {
        guard start < bytes.count else { return .needsMore }
        if bytes[start] == .carriageReturn {
            guard try Self.hasLineEnd(bytes, start, else: .malformedFieldName) else { return .needsMore }
            self.state = .ended
            return .framing(2)
        }
        guard let lineFeed = bytes.firstIndex(of: .lineFeed, in: start..<bytes.count) else {
            guard bytes.count - start < limits.lineBytes else { throw .lineTooLong }
            return .needsMore
        }
        let length = lineFeed + 1 - start
        guard lineFeed > start, bytes[lineFeed - 1] == .carriageReturn else { throw .bareLineFeed }
        guard length <= limits.lineBytes, count < limits.fieldCount, size + length <= limits.headBytes else {
            throw .trailersTooLarge
        }
        try Self.checkTrailer(bytes, start..<(lineFeed - 1))
        self.state = .trailers(count: count + 1, bytes: size + length)
        return .framing(length)
    }

    /// Refuses a trailer that is about framing, routing, access or the connection (RFC 9110 §6.5.1), since some readers add trailers to the head.
    private static func checkTrailer(_ bytes: Span<UInt8>, _ line: Range<Int>) throws(HTTPViolation) {
        var position = line.lowerBound
        if bytes[position].isBlank { throw .foldedField }
        while position < line.upperBound, bytes[position].isTokenCharacter { position += 1 }
        guard position > line.lowerBound, position < line.upperBound, bytes[position] == .colon else {
            throw .malformedFieldName
        }
        guard FieldKind.classify(bytes, line.lowerBound..<position) == .other else { throw .forbiddenTrailer }
        for index in (position + 1)..<line.upperBound where !bytes[index].isFieldValueCharacter {
            throw .malformedFieldValue
        }
    }

    /// Whether CR LF is at `position`; false when the bytes end before that is known.
    private static func hasLineEnd(
        _ bytes: Span<UInt8>, _ position: Int, else violation: HTTPViolation
    ) throws(HTTPViolation) -> Bool {
        guard position < bytes.count else { return false }
        guard bytes[position] == .carriageReturn else { throw violation }
        guard position + 1 < bytes.count else { return false }
        guard bytes[position + 1] == .lineFeed else { throw violation }
        return true
    }
}
