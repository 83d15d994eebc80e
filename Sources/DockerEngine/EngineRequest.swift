import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import TextEncodings

/// One call of the Engine API, before its version and connection are chosen.
struct EngineRequest: Sendable {
    /// What the call is about, on which the meaning of an HTTP status depends.
    enum Subject: Sendable {
        case daemon
        /// An existing container.
        case container
        /// Files of an existing container.
        case files
        /// An existing container that is to be started.
        case start
        /// A container to be created.
        case creation
        /// An image on this machine.
        case image
        /// An image in a registry.
        case registry
    }

    var method: HTTPMethod = .GET
    /// The path after the version, such as `/containers/create`, already encoded for a URL.
    var path: String
    /// Values are encoded when the URL is made.
    var query: [(name: String, value: String)] = []
    var headers: [(name: String, value: String)] = []
    var body: ByteBuffer?
    /// A body that is made while it is sent, and can be sent only once; replaces `body`.
    var stream: HTTPClientRequest.Body?
    var contentType = "application/json"
    var subject: Subject
    /// The call for error messages, such as `inspect container plane-b7f3`.
    var attempt: String
    var limit: CallLimit = .prompt

    /// Path and query, after the version.
    var target: String {
        guard !self.query.isEmpty else { return self.path }
        return self.path + "?" + self.query.map { "\($0.name)=\(PercentEncoding.encode($0.value))" }.joined(separator: "&")
    }
}

/// The `filters` parameter, a JSON object with lists.
enum EngineFilter {
    static func encode(_ filters: [String: [String]]) -> String {
        let entries = filters.sorted { $0.key < $1.key }.map { key, values in
            "\(Self.quote(key)):[\(values.map(Self.quote).joined(separator: ","))]"
        }
        return "{\(entries.joined(separator: ","))}"
    }

    /// A JSON string (RFC 8259 §7).
    private static func quote(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\u{0}"..."\u{1F}":
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
