import Foundation
import NIOCore
import NIOHTTP1

/// The paths of the demo backend.
///
/// | path | answer |
/// |---|---|
/// | `/` | the page |
/// | `/healthz` | `ok` |
/// | `/echo` | the request's head as it arrived, and the size of its body |
/// | `/bytes?n=N` | N bytes |
/// | `/sse` | an event each second, until the client leaves |
/// | `/slow?ms=N` | `ok`, after a while |
/// | `/log?text=T&stream=stderr` | writes a line to standard output (or error) |
/// | `/exit?code=N` | ends the process |
/// | `/ws` | WebSocket echo |
struct Routes: Sendable {
    /// What the spawner said the idle limit is; nil if it did not.
    let maxIdleSeconds: Int?
    private let started = ContinuousClock().now

    init(maxIdleSeconds: Int?) {
        self.maxIdleSeconds = maxIdleSeconds
    }

    func answer(_ request: Request, with response: Response) async throws {
        switch request.path {
        case "/":
            let page = Page(
                hostName: request.head.headers.first(name: "Host") ?? "an HTTP/1.0 client", maxIdleSeconds: self.maxIdleSeconds,
                container: ProcessInfo.processInfo.hostName, uptime: ContinuousClock().now - self.started)
            try await response.send(type: "text/html; charset=utf-8", body: page.html)
        case "/healthz":
            try await response.send(body: "ok\n")
        case "/echo":
            let fields = request.head.headers.map { "\($0.name): \($0.value)\n" }.joined()
            try await response.send(
                body: "\(request.head.method) \(request.head.uri) \(request.head.version)\n\(fields)\nbody: \(request.bodyBytes) bytes\n")
        case "/bytes":
            try await self.sendBytes(request.query("n").flatMap { Int($0) } ?? 0, with: response)
        case "/sse":
            try await self.sendEvents(with: response)
        case "/slow":
            try await Task.sleep(for: .milliseconds(request.query("ms").flatMap { Int($0) } ?? 1000))
            try await response.send(body: "ok\n")
        case "/log":
            StandardStreams.write(request.query("text") ?? "a line", to: request.query("stream") == "stderr" ? .stderr : .stdout)
            try await response.send(body: "ok\n")
        case "/exit":
            try await response.send(body: "bye\n")
            exit(request.query("code").flatMap { Int32($0) } ?? 0)
        default:
            try await response.send(.notFound, body: "no such page\n")
        }
    }

    private func sendBytes(_ count: Int, with response: Response) async throws {
        let chunk = ByteBuffer(repeating: UInt8(ascii: "x"), count: 65_536)
        var left = max(0, count)
        try await response.stream(type: "application/octet-stream", length: left) {
            guard left > 0 else { return nil }
            let size = min(left, chunk.readableBytes)
            left -= size
            return chunk.getSlice(at: 0, length: size)
        }
    }

    private func sendEvents(with response: Response) async throws {
        var number = 0
        try await response.stream(type: "text/event-stream") {
            if number > 0 { try await Task.sleep(for: .seconds(1)) }
            number += 1
            return ByteBuffer(string: "data: \(number)\n\n")
        }
    }
}

/// Standard output and error without buffering: a line is in the log when the call returns.
enum StandardStreams {
    enum Stream { case stdout, stderr }

    static func write(_ line: String, to stream: Stream) {
        let handle = stream == .stdout ? FileHandle.standardOutput : FileHandle.standardError
        handle.write(Data((line + "\n").utf8))
    }
}
