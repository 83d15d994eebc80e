import NIOCore

#if canImport(ProxyCore)
@testable import ProxyCore
#endif

/// Gives mutated lists of fields to the reader of HTTP/2's requests, as libnghttp2 would once it has decoded them.
///
/// What must hold for each, however hostile:
///
/// 1. What we accept, a naive reading of RFC 9113 §8.2 and §8.3 accepts.
/// 2. What we forward, NIO's parser of HTTP/1.1 takes for exactly one message, with the method, the path and the fields that a naive model says it
///    should have.
/// 3. What was read before by the same reader makes no difference.
/// 4. A list that nothing is wrong with is accepted.
struct HTTP2Fuzzer {
    let seed: UInt64
    private(set) var executions = 0
    private(set) var accepted = 0
    /// Of those, lists that are as good as they were made.
    private(set) var acceptedGood = 0
    /// Of so many lists one is as good as it was made, so that a reader which refuses everything is found out.
    static let goodShare = 8
    private var mutator: HTTP2FieldMutator
    private let limits = ProxyLimits()
    /// As on an event loop, for all requests.
    private let reader = HTTP2RequestReader()

    init(seed: UInt64) {
        self.seed = seed
        self.mutator = HTTP2FieldMutator(seed: seed)
    }

    mutating func run(_ count: Int) throws(CodecFuzzer.Finding) {
        for _ in 0..<count {
            self.executions += 1
            let isGood = self.executions % Self.goodShare == 0
            let fields = isGood ? self.mutator.goodFields() : self.mutator.nextFields()
            guard let sentence = self.check(fields, endsStream: self.mutator.endsStream(), isGood: isGood) else { continue }
            var input: [UInt8] = []
            for field in fields { input += field.name + Array(": ".utf8) + field.value + [0x0A] }
            throw CodecFuzzer.Finding(seed: self.seed, execution: self.executions, input: input, sentence: sentence)
        }
    }

    private mutating func check(_ fields: [HTTP2FieldMutator.Field], endsStream: Bool, isGood: Bool) -> String? {
        let used = self.read(fields, endsStream: endsStream, by: self.reader)
        let new = self.read(fields, endsStream: endsStream, by: HTTP2RequestReader())
        switch (used, new) {
        case (.failure(let one), .failure(let other)):
            if isGood { return "fields that nothing is wrong with are refused: \(one)" }
            return one == other ? nil : "a reader that was used says \(one), a new one \(other)"
        case (.success(let one), .success(let other)):
            guard one == other else { return "a reader that was used reads another request than a new one" }
            self.accepted += 1
            if isGood { self.acceptedGood += 1 }
            return HTTP2FieldModel.fault(in: fields) ?? Self.judge(one, fields, endsStream: endsStream)
        default: return "a reader that was used and a new one do not agree: \(used), \(new)"
        }
    }

    private struct Request: Equatable {
        var method: String
        var path: String
        var framing: BodyFraming
        var forwarded: [UInt8]
    }

    private func read(_ fields: [HTTP2FieldMutator.Field], endsStream: Bool, by reader: HTTP2RequestReader) -> Result<Request, HTTPViolation> {
        reader.begin(isTrailers: false)
        for field in fields {
            field.name.withUnsafeBufferPointer { name in
                field.value.withUnsafeBufferPointer { value in reader.take(name, value, limits: self.limits) }
            }
        }
        do throws(HTTPViolation) {
            let head = try reader.head(endsStream: endsStream, limits: self.limits)
            let buffer = reader.bytes
            let bytes = buffer.readableBytesUInt8Span
            let writer = RequestHeadWriter(path: head.path, hiddenCookie: "_plane_auth")
            let forwarded = writer.write(
                head, reader.table.fields, bytes, forwarding: RequestHeadWriter.Forwarding(clientAddress: "192.0.2.7", scheme: "http"), newID: nil,
                allocator: ByteBufferAllocator())
            return .success(
                Request(
                    method: Self.text(buffer, head.method), path: Self.text(buffer, head.path), framing: head.framing,
                    forwarded: Array(forwarded.readableBytesView)))
        } catch {
            return .failure(error)
        }
    }

    private static func text(_ buffer: ByteBuffer, _ range: Range<Int>) -> String {
        String(decoding: Array(buffer.readableBytesView)[range], as: UTF8.self)
    }

    private static func judge(_ request: Request, _ fields: [HTTP2FieldMutator.Field], endsStream: Bool) -> String? {
        var forwarded = request.forwarded
        switch request.framing {
        case .chunked: forwarded += Array("0\r\n\r\n".utf8)
        case .length(let length):
            guard length < 1000 else { return nil }
            forwarded += [UInt8](repeating: 0x78, count: Int(length))
        case .none: break
        case .untilClose: return "a request does not end with its connection"
        }
        guard endsStream || request.framing != .none else { return "a body that comes has no framing" }
        guard CodecProperties.isKnown(method: request.method) else { return nil }
        return CodecProperties.judgeForwarded(
            OurParser.Message(
                parsed: HTTP2FieldModel.message(fields, framing: request.framing), isFollowed: true, forwarded: forwarded))
    }
}

/// What RFC 9113 says of a request's fields, in its own order and with no thought for speed.
enum HTTP2FieldModel {
    static func fault(in fields: [HTTP2FieldMutator.Field]) -> String? {
        let pseudo = fields.prefix { $0.name.first == UInt8(ascii: ":") }
        let others = fields.dropFirst(pseudo.count)
        if others.contains(where: { $0.name.first == UInt8(ascii: ":") }) { return "a pseudo field behind others (§8.3)" }
        let names = pseudo.map(\.nameText)
        if Set(names).count != names.count { return "a pseudo field twice (§8.3)" }
        if !Set(names).isSubset(of: [":method", ":scheme", ":authority", ":path"]) { return "a pseudo field that no request has (§8.3.1)" }
        if !Set(names).isSuperset(of: [":method", ":scheme", ":path"]) { return "a pseudo field is missing (§8.3.1)" }
        for field in others {
            if field.name.isEmpty || !field.name.allSatisfy(Self.isNameByte) { return "a name that is no token in lower case (§8.2.1)" }
            if ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"].contains(field.nameText) {
                return "a field between neighbours (§8.2.2)"
            }
            if field.nameText == "te", field.valueText != "trailers" { return "TE that is not trailers (§8.2.2)" }
        }
        for field in fields {
            if field.value.contains(where: { [0, 0x0A, 0x0D].contains($0) }) { return "a line end in a value (§8.2.1)" }
            if let first = field.value.first, let last = field.value.last, [0x20, 0x09].contains(first) || [0x20, 0x09].contains(last) {
                return "blanks around a value (§8.2.1)"
            }
        }
        let hosts = others.filter { $0.nameText == "host" }.map { $0.valueText.lowercased() }
        let authority = pseudo.first { $0.nameText == ":authority" }?.valueText.lowercased()
        if let authority, hosts.contains(where: { $0 != authority }) { return "two hosts (§8.3.1)" }
        if authority == nil, hosts.count != 1 { return "no host, or more than one" }
        return nil
    }

    /// RFC 9110 §5.6.2, without capital letters.
    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }

    /// The request as HTTP/1.1 would have it.
    static func message(_ fields: [HTTP2FieldMutator.Field], framing: BodyFraming) -> ParsedMessage {
        func value(_ name: String) -> String? { fields.first { $0.nameText == name }?.valueText }
        let authority = value(":authority")
        var result: [ParsedMessage.Field] = authority.map { [ParsedMessage.Field("Host", $0)] } ?? []
        for field in fields where field.name.first != UInt8(ascii: ":") && field.nameText != "cookie" {
            if field.nameText == "host", authority != nil { continue }
            result.append(ParsedMessage.Field(field.nameText, field.valueText))
        }
        let cookies = fields.filter { $0.nameText == "cookie" }.map(\.valueText).filter { !$0.isEmpty }
        if !cookies.isEmpty { result.append(ParsedMessage.Field("cookie", cookies.joined(separator: "; "))) }
        if framing == .chunked { result.append(ParsedMessage.Field("Transfer-Encoding", "chunked")) }
        var message = ParsedMessage(
            startLine: [value(":method") ?? "", value(":path") ?? ""], isHTTP10: false, fields: result, body: [], trailers: [])
        if case .length(let length) = framing { message.body = [UInt8](repeating: 0x78, count: Int(length)) }
        return message
    }
}

/// Makes new lists of fields out of a good one.
struct HTTP2FieldMutator {
    struct Field: Equatable {
        var name: [UInt8]
        var value: [UInt8]

        init(_ name: String, _ value: String) {
            self.name = Array(name.utf8)
            self.value = Array(value.utf8)
        }

        var nameText: String { String(decoding: self.name, as: UTF8.self) }
        var valueText: String { String(decoding: self.value, as: UTF8.self) }
    }

    private var generator: FuzzGenerator

    init(seed: UInt64) { self.generator = FuzzGenerator(seed: seed) }

    private mutating func number(below limit: Int) -> Int { Int.random(in: 0..<limit, using: &self.generator) }

    private mutating func pick<Element>(_ choices: [Element]) -> Element { choices[self.number(below: choices.count)] }

    mutating func endsStream() -> Bool { self.number(below: 2) == 0 }

    /// A request's fields, with nothing to say against any of them.
    mutating func goodFields() -> [Field] {
        var fields = [
            Field(":method", self.pick(["GET", "POST", "PUT", "OPTIONS", "HEAD"])), Field(":scheme", "https"),
            Field(":authority", self.pick(["b-1.plane.test", "b-1.plane.test:8443", "[::1]"])), Field(":path", self.pick(["/", "/a?b=c"])),
        ]
        for _ in 0..<self.number(below: 5) { fields.append(self.pick(Self.harmless)) }
        return fields
    }

    mutating func nextFields() -> [Field] {
        var fields = [
            Field(":method", self.pick(["GET", "POST", "PUT", "OPTIONS", "HEAD"])), Field(":scheme", "https"),
            Field(":authority", self.pick(["b-1.plane.test", "b-1.plane.test:8443", "[::1]"])), Field(":path", self.pick(["/", "/a?b=c", "/%2e", "*"])),
        ]
        for _ in 0..<self.number(below: 5) { fields.append(self.pick(Self.others)) }
        for _ in 0..<self.number(below: 4) { self.mutate(&fields) }
        return fields
    }

    private mutating func mutate(_ fields: inout [Field]) {
        guard !fields.isEmpty else { return }
        let index = self.number(below: fields.count)
        switch self.number(below: 8) {
        case 0: fields.remove(at: index)
        case 1: fields.insert(self.pick(Self.others), at: index)
        case 2: fields.insert(fields[self.number(below: fields.count)], at: index)
        case 3: fields.swapAt(index, self.number(below: fields.count))
        case 4: self.mutate(&fields[index].name)
        case 5: fields[index].value = self.pick(Self.others).value
        default: self.mutate(&fields[index].value)
        }
    }

    private mutating func mutate(_ bytes: inout [UInt8]) {
        let position = self.number(below: bytes.count + 1)
        switch self.number(below: 4) {
        case 0: bytes.insert(UInt8(self.number(below: 256)), at: position)
        case 1: bytes.insert(contentsOf: self.pick(Self.tokens).utf8, at: position)
        case 2: if position < bytes.count { bytes[position] ^= UInt8(1 << self.number(below: 8)) }
        default: bytes.removeSubrange(position..<min(bytes.count, position + 1 + self.number(below: 6)))
        }
    }

    /// May stand in a request, alone or several times.
    private static let harmless = [
        Field("cookie", "a=1"), Field("cookie", "b=2; c=3"), Field("x", "y"), Field("x", ""), Field("x", "a: b, c"), Field("accept", "text/html"),
        Field("priority", "u=1, i"),
    ]
    private static let others = [
        Field("host", "b-1.plane.test"), Field("cookie", "a=1"), Field("cookie", "_plane_auth=x"), Field("cookie", "b=2; _plane_auth=y; c=3"),
        Field("cookie", ""),
        Field("content-length", "3"), Field("content-length", "0"), Field("content-length", "12"), Field("te", "trailers"), Field("te", "gzip"),
        Field("transfer-encoding", "chunked"), Field("connection", "close"), Field("upgrade", "websocket"), Field("keep-alive", "5"), Field("x", "y"),
        Field("x-forwarded-for", "1"), Field("x_forwarded_for", "1"), Field("forwarded", "for=1"), Field("content_length", "3"),
        Field("expect", "100-continue"),
        Field("authorization", "Bearer x"), Field("priority", "u=1, i"), Field("trailer", "x"), Field("date", "now"), Field("proxy-connection", "x"),
        Field(":protocol", "websocket"), Field(":status", "200"), Field("", "x"), Field("x", ""), Field("x", "a: b, c"), Field("x", "é"),
        Field("accept", "text/html"),
    ]
    private static let tokens = [
        "\r\n", "\n", "\r", "\r\n\r\nGET / HTTP/1.1\r\nHost: b", " ", "\t", ":", "\0", "A", "_", "-", ",", ";", "; ", "=", "/", "?", "#", "@", "%00", "\u{7F}",
        "é",
        "HTTP/1.1", "chunked", "content-length", "transfer-encoding", "0", "1", "+", "http://",
    ]
}
