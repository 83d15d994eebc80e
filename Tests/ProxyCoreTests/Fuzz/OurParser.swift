import NIOCore

#if canImport(ProxyCore)
@testable import ProxyCore
#endif

/// A stream of messages through our codec.
struct OurParser {
    struct Message {
        var parsed: ParsedMessage
        /// Another message may follow on the connection.
        var isFollowed: Bool
        var wantsUpgrade = false
        /// It has blanks which RFC 9112 allows and llhttp does not.
        var isBeyondLLHTTP = false
        /// The whole message as the other side would see it.
        var forwarded: [UInt8]
    }

    struct Outcome {
        var messages: [Message] = []
        /// Why the stream ends there; nil when its bytes just end.
        var violation: HTTPViolation?
    }

    /// Where the bytes are cut, in rising order: only what is before the next cut is shown until more is asked for.
    var cuts: [Int] = []

    func requests(_ bytes: [UInt8]) -> Outcome {
        self.messages(bytes) { head, table, limits throws(HTTPViolation) in
            let request = try RequestHead.read(head, length: head.count, into: &table, limits: limits)
            let writer = RequestHeadWriter(path: request.path, hiddenCookie: "_plane_auth")
            let forwarded = writer.write(
                request, table.fields, head, forwarding: RequestHeadWriter.Forwarding(clientAddress: "192.0.2.7", scheme: "http"),
                newID: nil, allocator: ByteBufferAllocator())
            return Head(
                startLine: [Self.text(head, request.method), Self.text(head, Self.target(head, request.method))],
                isHTTP10: request.isHTTP10, framing: request.framing, isFollowed: request.keepAlive && !request.wantsUpgrade,
                wantsUpgrade: request.wantsUpgrade, forwarded: Array(forwarded.readableBytesView))
        }
    }

    func responses(_ bytes: [UInt8]) -> Outcome {
        self.messages(bytes) { head, table, limits throws(HTTPViolation) in
            let response = try ResponseHead.read(head, length: head.count, isAnswerToHEAD: false, into: &table, limits: limits)
            let writer = ResponseHeadWriter(connection: .unsaid, removesChunks: false, date: nil)
            let forwarded = writer.write(response, table.fields, head, bodyRoom: 0, allocator: ByteBufferAllocator())
            return Head(
                startLine: [String(response.status)], isHTTP10: head[7] == UInt8(ascii: "0"), framing: response.framing,
                isFollowed: response.keepAlive && response.framing != .untilClose && response.status != 101, wantsUpgrade: false,
                forwarded: Array(forwarded.readableBytesView))
        }
    }

    private struct Head {
        var startLine: [String]
        var isHTTP10: Bool
        var framing: BodyFraming
        var isFollowed: Bool
        var wantsUpgrade: Bool
        var forwarded: [UInt8]
    }

    private func messages(
        _ bytes: [UInt8], _ read: (Span<UInt8>, inout FieldTable, borrowing ProxyLimits) throws(HTTPViolation) -> Head
    ) -> Outcome {
        var outcome = Outcome()
        let limits = ProxyLimits()
        var table = FieldTable()
        var position = 0
        do throws(HTTPViolation) {
            while let length = try self.headLength(bytes, position, limits) {
                let headBytes = bytes.span.extracting(position..<(position + length))
                let head = try read(headBytes, &table, limits)
                let fields = table.fields.map { ParsedMessage.Field(Self.text(headBytes, $0.name), Self.text(headBytes, $0.value)) }
                position += length
                var blanks = Self.hasTabs(headBytes, table)
                var body: [UInt8] = []
                var parsed = ParsedMessage(
                    startLine: head.startLine, isHTTP10: head.isHTTP10, fields: fields, body: [], trailers: [])
                guard try self.readBody(head.framing, bytes, &position, &parsed, &body, &blanks, limits) else { return outcome }
                outcome.messages.append(
                    Message(
                        parsed: parsed, isFollowed: head.isFollowed, wantsUpgrade: head.wantsUpgrade, isBeyondLLHTTP: blanks,
                        forwarded: head.forwarded + body))
                if !head.isFollowed { return outcome }
            }
        } catch {
            outcome.violation = error
        }
        return outcome
    }

    private func headLength(_ bytes: [UInt8], _ start: Int, _ limits: ProxyLimits) throws(HTTPViolation) -> Int? {
        var scanner = HeadScanner()
        for end in self.ends(bytes, after: start) {
            if let length = try scanner.scan(bytes.span.extracting(start..<end), limits: limits) { return length }
        }
        return nil
    }

    /// False when the bytes end before the body does.
    private func readBody(
        _ framing: BodyFraming, _ bytes: [UInt8], _ position: inout Int, _ parsed: inout ParsedMessage, _ forwarded: inout [UInt8],
        _ blanks: inout Bool, _ limits: ProxyLimits
    ) throws(HTTPViolation) -> Bool {
        var reader = BodyReader(framing)
        for end in self.ends(bytes, after: position) {
            reading: while true {
                switch try reader.next(bytes.span.extracting(0..<end), from: position, limits: limits) {
                case .payload(let count):
                    parsed.body += bytes[position..<(position + count)]
                    forwarded += bytes[position..<(position + count)]
                    position += count
                case .framing(let count):
                    Self.noteTrailer(bytes[position..<(position + count)], in: &parsed)
                    forwarded += bytes[position..<(position + count)]
                    position += count
                case .extensions(let count):
                    if bytes[position..<(position + count)].contains(where: \.isBlank) { blanks = true }
                    position += count
                case .needsMore: break reading
                case .ended: return true
                }
            }
        }
        return reader.hasEnded || framing == .untilClose
    }

    /// Beside the values that say how a message ends, and whether another follows.
    private static func hasTabs(_ head: Span<UInt8>, _ table: FieldTable) -> Bool {
        table.fields.contains { field in
            switch field.kind {
            case .contentLength, .transferEncoding, .proxyConnection, .upgrade: field.hasTabs(head)
            case .connection: head.firstIndex(of: .tab, in: field.name.upperBound..<field.end) != nil
            default: false
            }
        }
    }

    /// Of the pieces of framing only trailers hold a colon.
    private static func noteTrailer(_ piece: ArraySlice<UInt8>, in parsed: inout ParsedMessage) {
        guard let colon = piece.firstIndex(of: UInt8(ascii: ":")) else { return }
        let name = String(decoding: piece[..<colon], as: UTF8.self)
        let value = String(decoding: Self.trimmed(piece[(colon + 1)...].dropLast(2)), as: UTF8.self)
        parsed.trailers.append(ParsedMessage.Field(name, value))
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let isBlank: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 }
        let front = bytes.drop(while: isBlank)
        return front.prefix(front.count - front.reversed().prefix(while: isBlank).count)
    }

    private func ends(_ bytes: [UInt8], after start: Int) -> [Int] {
        self.cuts.filter { $0 >= start && $0 < bytes.count } + [bytes.count]
    }

    private static func target(_ head: Span<UInt8>, _ method: Range<Int>) -> Range<Int> {
        let start = method.upperBound + 1
        return start..<(head.firstIndex(of: .space, in: start..<head.count) ?? start)
    }

    private static func text(_ bytes: Span<UInt8>, _ range: Range<Int>) -> String {
        String(decoding: range.map { bytes[$0] }, as: UTF8.self)
    }
}
