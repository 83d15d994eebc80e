import AsyncHTTPClient
import Foundation
import JSONValues
import NIOCore
import PlaneProtocol
import PlaneTestSupport

/// Debian's Chromium without a window, told what to do through its debugging port (Chrome DevTools Protocol, over one WebSocket).
final class Chromium {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private let process: TestProcess
    private let directory: TemporaryDirectory
    private let socket: LoopbackConnection
    private var received = Data()
    private var calls: Int64 = 0

    /// What its console says, and the pages'.
    var log: [String] { self.process.log }

    static func run(_ body: (Chromium) async throws -> Void) async throws {
        let directory = try TemporaryDirectory()
        let process = try TestProcess(
            "/usr/bin/chromium",
            [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--enable-logging=stderr", "--remote-debugging-port=0",
                "--user-data-dir=\(directory.path)", "about:blank",
            ])
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(try await Chromium(process, directory)))
        } catch {
            result = .failure(error)
        }
        await process.stop()
        try result.get()
    }

    private init(_ process: TestProcess, _ directory: TemporaryDirectory) async throws {
        let line = try await process.line(containing: "DevTools listening on ws://127.0.0.1:")
        let digits = String((line.components(separatedBy: "127.0.0.1:").last ?? "").prefix { $0.isNumber })
        guard let port = UInt16(digits) else { throw Failure(description: line) }
        var address = ""
        try await eventually("there is a page") {
            let answer = try await HTTPClient.shared.execute(HTTPClientRequest(url: "http://127.0.0.1:\(port)/json/list"), timeout: .seconds(10))
            let list = try WireCodec.decode(JSONValue.self, from: Array(buffer: try await answer.body.collect(upTo: 1 << 20)))
            address = list.items.first { $0["type"]?.text == "page" }?["webSocketDebuggerUrl"]?.text ?? ""
            return !address.isEmpty
        }
        self.process = process
        self.directory = directory
        self.socket = try await LoopbackConnection(port: port)
        let path = address.split(separator: "/", maxSplits: 2).last.map { "/\($0)" } ?? "/"
        try await self.socket.send(
            "GET \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        let end = Data("\r\n\r\n".utf8)
        let head = try await self.socket.receive { $0.firstRange(of: end) != nil }
        guard head.starts(with: Data("HTTP/1.1 101".utf8)), let range = head.firstRange(of: end) else {
            throw Failure(description: String(decoding: head, as: UTF8.self))
        }
        self.received = Data(head[range.upperBound...])
    }

    // MARK: Pages

    /// Returns when the page and what belongs to it are there.
    func open(_ url: String, width: Int, height: Int = 800, isDark: Bool = false) async throws {
        let scheme = isDark ? "dark" : "light"
        _ = try await self.call(
            "Emulation.setDeviceMetricsOverride", #"{"width":\#(width),"height":\#(height),"deviceScaleFactor":1,"mobile":\#(width < 600)}"#)
        _ = try await self.call("Emulation.setEmulatedMedia", #"{"features":[{"name":"prefers-color-scheme","value":"\#(scheme)"}]}"#)
        _ = try await self.evaluate("window.isOfBefore = true")
        _ = try await self.call("Page.navigate", #"{"url":\#(Self.quoted(url))}"#)
        try await eventually("\(url) is there") { try await self.evaluate("!window.isOfBefore && document.readyState === 'complete'") == .bool(true) }
    }

    /// What a script's expression is.
    func evaluate(_ expression: String) async throws -> JSONValue {
        let result = try await self.call("Runtime.evaluate", #"{"returnByValue":true,"expression":\#(Self.quoted(expression))}"#)
        // A page that is just being left has nothing to say.
        return result["result"]?["value"] ?? .null
    }

    /// Presses a key, and lets it go.
    /// - Parameter code: its Windows code, by which the browser knows what it does.
    func press(_ key: String, code: Int) async throws {
        let text = key == "Enter" ? #","text":"\r""# : ""
        for type in [text.isEmpty ? "rawKeyDown" : "keyDown", "keyUp"] {
            let parameters = #"{"type":"\#(type)","key":"\#(key)","code":"\#(key)","windowsVirtualKeyCode":\#(code)\#(type == "keyUp" ? "" : text)}"#
            _ = try await self.call("Input.dispatchKeyEvent", parameters)
        }
    }

    /// A picture of the whole page.
    func picture(_ file: URL) async throws {
        let size = try await self.evaluate("document.documentElement.scrollHeight")
        let width = try await self.evaluate("window.innerWidth")
        let clip = #"{"x":0,"y":0,"width":\#(width.integer ?? 800),"height":\#(size.integer ?? 800),"scale":1}"#
        let result = try await self.call("Page.captureScreenshot", #"{"format":"png","captureBeyondViewport":true,"clip":\#(clip)}"#)
        guard let text = result["data"]?.text, let image = Data(base64Encoded: text) else { throw Failure(description: "no picture: \(result)") }
        try image.write(to: file)
    }

    private static func quoted(_ text: String) -> String { String(decoding: WireCodec.encode(text), as: UTF8.self) }

    // MARK: Messages

    private func call(_ method: String, _ parameters: String) async throws -> JSONValue {
        self.calls += 1
        try await self.send(#"{"id":\#(self.calls),"method":"\#(method)","params":\#(parameters)}"#)
        while true {
            let message = try WireCodec.decode(JSONValue.self, from: Array(try await self.message()))
            guard message["id"]?.integer == self.calls else { continue }
            guard let result = message["result"] else { throw Failure(description: "\(method): \(message)") }
            return result
        }
    }

    /// One text frame (RFC 6455 §5.2), masked with zeros, which leave it as it is.
    private func send(_ text: String) async throws {
        let bytes = Data(text.utf8)
        var frame = Data([0x81])
        if bytes.count < 126 {
            frame.append(0x80 | UInt8(bytes.count))
        } else {
            frame.append(0x80 | 127)
            for shift in stride(from: 56, through: 0, by: -8) { frame.append(UInt8(truncatingIfNeeded: bytes.count >> shift)) }
        }
        try await self.socket.send(frame + Data(count: 4) + bytes)
    }

    private func message() async throws -> Data {
        var message = Data()
        while true {
            var header = try await self.take(2)
            let (first, length) = (header[0], header[1] & 0x7F)
            var count = Int(length)
            if length >= 126 {
                header = try await self.take(length == 126 ? 2 : 8)
                count = header.reduce(0) { $0 << 8 | Int($1) }
            }
            let payload = try await self.take(count)
            // Pings and the like say nothing.
            guard first & 0x0F < 3 else { continue }
            message.append(payload)
            if first & 0x80 != 0 { return message }
        }
    }

    private func take(_ count: Int) async throws -> Data {
        let missing = count - self.received.count
        if missing > 0 { self.received.append(try await self.socket.receive { $0.count >= missing }) }
        defer { self.received = Data(self.received.dropFirst(count)) }
        return Data(self.received.prefix(count))
    }
}
