import NIOCore
import ProxyCore

/// One line of the access log, in the form that tools for the logs of Hipache and PlanB read:
///
///     IP - - [TIME] "METHOD PATH PROTO" STATUS LENGTH "REFERER" "AGENT" "IDHEADER:ID" "KEY" "XFF" TOTAL BACKEND
///
/// The request's part is copied when its head has been read, since the head is gone when there is an answer.
package struct AccessLine: Sendable {
    /// `IP - - [`
    private var client: [UInt8]
    /// `"METHOD PATH PROTO" `
    private var request: [UInt8] = []
    /// ` "REFERER" "AGENT" "IDHEADER:ID" `
    private var fields: [UInt8] = []
    private var forwardedFor: [UInt8] = []

    init(
        _ head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, from visitor: Visitor, idHeader: [UInt8], id: [UInt8]
    ) {
        self.client = Array("\(visitor.address.map(Self.address) ?? "-") - - [".utf8)
        self.request.reserveCapacity(32 + head.path.count)
        self.request.append(UInt8(ascii: "\""))
        LogText.write(bytes, head.method, into: &self.request)
        self.request.append(UInt8(ascii: " "))
        Self.writePath(bytes, head.path, into: &self.request)
        self.request += visitor.isHTTP2 ? Self.http2 : head.isHTTP10 ? Self.http10 : Self.http11
        var referer: Range<Int>?
        var agent: Range<Int>?
        var forwarded: Range<Int>?
        for field in fields {
            switch field.kind {
            case .forwardedFor: if forwarded == nil { forwarded = field.value }
            case .other, .nominated:
                if referer == nil, bytes.equals(field.name, lowercase: "referer") { referer = field.value }
                if agent == nil, bytes.equals(field.name, lowercase: "user-agent") { agent = field.value }
            default: break
            }
        }
        self.fields.reserveCapacity(96)
        self.fields += [0x20, 0x22]
        if let referer { LogText.write(bytes, referer, into: &self.fields) }
        self.fields += Self.separator
        if let agent { LogText.write(bytes, agent, into: &self.fields) }
        self.fields += Self.separator
        self.fields += idHeader
        self.fields.append(UInt8(ascii: ":"))
        for byte in id { LogText.write(byte, into: &self.fields) }
        self.fields += [0x22, 0x20]
        if let forwarded { LogText.write(bytes, forwarded, into: &self.forwardedFor) }
    }

    private static let http10 = Array(" HTTP/1.0\" ".utf8)
    /// The version as Go's programs write it.
    private static let http2 = Array(" HTTP/2.0\" ".utf8)
    private static let http11 = Array(" HTTP/1.1\" ".utf8)
    /// `" "`
    private static let separator: [UInt8] = [0x22, 0x20, 0x22]

    /// An IPv4 address is written in the form of IPv6 (RFC 4291 §2.5.5.2), as a socket for both kinds gives it.
    static func address(_ key: AddressKey) -> String {
        let text = key.description
        return text.utf8.contains(UInt8(ascii: ":")) ? text : "::ffff:\(text)"
    }

    /// Writes the path of a target with its escapes decoded, and without the query, since that may contain secrets.
    static func writePath(_ bytes: Span<UInt8>, _ target: Range<Int>, into out: inout [UInt8]) {
        var end = target.lowerBound
        while end < target.upperBound, bytes[end] != .questionMark { end += 1 }
        if target.lowerBound == end { return out.append(.slash) }
        LogText.writeDecoded(bytes, target.lowerBound..<end, into: &out)
    }

    /// The part of the line that depends on the answer.
    package struct Outcome: Sendable {
        var status: Int
        /// The length that the response states; nil if it states none.
        var length: Int?
        /// The host of the frontend; empty if there is none.
        var key: String
        /// From the beginning of the lookup to the response's head.
        var total: TimeAmount
        /// From the choice of a backend to its response's head; zero for an answer of the proxy itself.
        var backend: TimeAmount
    }

    func write(_ outcome: Outcome, at time: [UInt8], into out: inout ByteBuffer) {
        out.writeBytes(self.client)
        out.writeBytes(time)
        out.writeStaticString("] ")
        out.writeBytes(self.request)
        out.writeString("\(outcome.status) \(outcome.length ?? -1)")
        out.writeBytes(self.fields)
        out.writeString("\"\(outcome.key)\" \"")
        out.writeBytes(self.forwardedFor)
        out.writeString("\" \(Self.seconds(outcome.total)) \(Self.seconds(outcome.backend))\n")
    }

    /// Seconds with three digits after the decimal point.
    static func seconds(_ time: TimeAmount) -> String {
        let milliseconds = (max(0, time.nanoseconds) + 500_000) / 1_000_000
        let rest = String(milliseconds % 1000)
        return "\(milliseconds / 1000)." + String(repeating: "0", count: 3 - rest.utf8.count) + rest
    }
}
