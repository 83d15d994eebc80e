import Foundation

/// A complete HTTP/1.1 response, as bytes that ended with the connection.
struct HTTPAnswer: Sendable {
    let status: Int
    /// Names in lower case.
    let headers: [(name: String, value: String)]
    /// Without the chunk framing.
    let body: String

    init(_ bytes: Data) throws {
        let text = String(decoding: bytes, as: UTF8.self)
        guard let headEnd = text.range(of: "\r\n\r\n") else { throw UnexpectedReply(reply: "no HTTP head in “\(text)”") }
        let lines = text[..<headEnd.lowerBound].components(separatedBy: "\r\n")
        guard let status = lines[0].split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
            throw UnexpectedReply(reply: "no status in “\(lines[0])”")
        }
        self.status = status
        self.headers = lines.dropFirst().map { line in
            let parts = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            return (parts[0].lowercased(), parts.count > 1 ? parts[1] : "")
        }
        let rest = String(text[headEnd.upperBound...])
        let isChunked = self.headers.contains { $0.name == "transfer-encoding" && $0.value == "chunked" }
        self.body = isChunked ? Self.unchunked(rest) : rest
    }

    func header(_ name: String) -> String? { self.headers.first { $0.name == name }?.value }

    private static func unchunked(_ text: String) -> String {
        var rest = Substring(text)
        var body = ""
        while let lineEnd = rest.range(of: "\r\n"), let size = Int(rest[..<lineEnd.lowerBound], radix: 16), size > 0 {
            let chunk = rest[lineEnd.upperBound...].utf8.prefix(size)
            body += String(decoding: chunk, as: UTF8.self)
            rest = rest[chunk.endIndex...].dropFirst()  // the CRLF is one Character
        }
        return body
    }
}
