import UTCTime

#if canImport(Glibc)
import Glibc
#endif

/// The formats in which the access log can write a request.
package enum AccessLogFormat: String, CaseIterable, Sendable {
    /// The Common Log Format of web servers, with fields of plane's own at the end of the line.
    case common
    /// One JSON object on a line.
    case json
}

/// What the access log says of one request, from its head to the last byte of its response.
///
/// Without the query of its address, and without what the policy calls a secret in its path: that is where visitors' tokens are.
final class AccessRecord {
    private let id: String
    private let client: String
    private let method: String
    private let host: String
    private let path: String
    private let version: StaticString
    private let began: UTCInstant
    var backend: String?
    /// 0 until a response has begun.
    var status = 0
    /// Bytes sent to the client, heads included.
    var bytes = 0

    /// The client went away before it had a response; a status of nginx's that has become a custom.
    static let clientGone = 499

    /// - Parameter secret: A part of the path that is not to be told.
    init(id: String, client: String, head: RequestHead, _ bytes: Span<UInt8>, secret: Range<Int>?, isHTTP2: Bool) {
        self.id = id
        self.client = client
        self.method = Self.text(bytes, head.method)
        self.host = Self.text(bytes, head.hostName)
        let pathEnd = bytes.firstIndex(of: .questionMark, in: head.path) ?? head.path.upperBound
        self.path = head.isAsteriskForm ? "*" : Self.path(bytes, head.path.lowerBound..<pathEnd, without: secret)
        self.version = isHTTP2 ? "HTTP/2.0" : head.isHTTP10 ? "HTTP/1.0" : "HTTP/1.1"
        self.began = Self.now()
    }

    /// A request whose head could not be read: all that is known is who sent it.
    init(unreadableFrom client: String) {
        self.id = "-"
        self.client = client
        self.method = "-"
        self.host = "-"
        self.path = "-"
        self.version = "-"
        self.began = Self.now()
    }

    private static func path(_ bytes: Span<UInt8>, _ path: Range<Int>, without secret: Range<Int>?) -> String {
        guard let secret = secret?.clamped(to: path), !secret.isEmpty else { return self.text(bytes, path) }
        return self.text(bytes, path.lowerBound..<secret.lowerBound) + "[token]" + self.text(bytes, secret.upperBound..<path.upperBound)
    }

    /// Only characters that mean nothing in either format: the parser lets no control characters and nothing but ASCII through here.
    private static func text(_ bytes: Span<UInt8>, _ range: Range<Int>) -> String {
        var text = ""
        for index in range {
            switch bytes[index] {
            case UInt8(ascii: "\""): text += "%22"
            case UInt8(ascii: "\\"): text += "%5C"
            case let byte: text.unicodeScalars.append(Unicode.Scalar(byte))
            }
        }
        return text
    }

    /// The current time, cut to whole seconds, since the log has no finer unit.
    private static func now() -> UTCInstant {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return UTCInstant(seconds: Int64(now.tv_sec))
    }

    /// The line for the log, with its line end.
    ///
    /// - Parameter seconds: From the request's head to the last byte of the response.
    func line(_ format: AccessLogFormat, seconds: Double) -> String {
        let backend = self.backend ?? "-"
        let duration = Self.milliseconds(seconds)
        switch format {
        case .common:
            return "\(self.client) - - [\(self.commonTime)] \"\(self.method) \(self.path) \(self.version)\" "
                + "\(self.status) \(self.bytes) host=\(self.host) backend=\(backend) seconds=\(duration) id=\(self.id)\n"
        case .json:
            return "{\"time\":\"\(self.began)\",\"client\":\"\(self.client)\",\"method\":\"\(self.method)\","
                + "\"host\":\"\(self.host)\",\"path\":\"\(self.path)\",\"protocol\":\"\(self.version)\",\"status\":\(self.status),"
                + "\"bytes\":\(self.bytes),\"backend\":\(self.backend.map { "\"\($0)\"" } ?? "null"),\"seconds\":\(duration),\"id\":\"\(self.id)\"}\n"
        }
    }

    /// Milliseconds with three digits after the decimal point, from a duration in seconds.
    private static func milliseconds(_ seconds: Double) -> String {
        let milliseconds = Int((max(0, seconds) * 1000).rounded())
        let rest = String(milliseconds % 1000)
        return "\(milliseconds / 1000)." + String(repeating: "0", count: 3 - rest.count) + rest
    }

    /// The time when the request began, as in `06/Nov/1994:08:49:37 +0000`.
    private var commonTime: String {
        let time = CalendarTime(self.began)
        let date = "\(CalendarTime.digits(time.date.day, 2))/\(time.monthName)/\(CalendarTime.digits(time.date.year, 4))"
        return "\(date):\(time.clock) +0000"
    }
}
