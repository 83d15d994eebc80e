import NIOCore
import NIOEmbedded
import NIOHTTP1

/// A stream of messages through NIO's parser (llhttp), as far as it takes it.
enum NIOParser {
    static func requests(_ bytes: [UInt8]) -> [ParsedMessage] {
        let channel = EmbeddedChannel(handler: ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes)))
        Self.feed(bytes, to: channel)
        var builder = Builder()
        while let part = try? channel.readInbound(as: HTTPServerRequestPart.self) {
            switch part {
            case .head(let head): builder.begin([head.method.rawValue, head.uri], head.version, head.headers)
            case .body(let body): builder.append(body)
            case .end(let trailers): builder.end(trailers)
            }
        }
        _ = try? channel.finish(acceptAlreadyClosed: true)
        return builder.messages
    }

    /// - Parameter count: How many requests were asked, so how many responses there can be.
    static func responses(_ bytes: [UInt8], count: Int) -> [ParsedMessage] {
        let decoder = HTTPResponseDecoder(leftOverBytesStrategy: .dropBytes, informationalResponseStrategy: .forward)
        let channel = EmbeddedChannel(handler: ByteToMessageHandler(decoder))
        for _ in 0..<count {
            _ = try? channel.writeOutbound(HTTPClientRequestPart.head(HTTPRequestHead(version: .http1_1, method: .GET, uri: "/")))
        }
        Self.feed(bytes, to: channel)
        // The end of the input ends a body that has no length.
        _ = try? channel.finish(acceptAlreadyClosed: true)
        var builder = Builder()
        while let part = try? channel.readInbound(as: HTTPClientResponsePart.self) {
            switch part {
            case .head(let head):
                builder.begin([String(head.status.code)], head.version, head.headers)
                if (100..<200).contains(head.status.code), head.status.code != 101 { builder.end(nil) }
            case .body(let body): builder.append(body)
            case .end(let trailers): builder.end(trailers)
            }
        }
        return builder.messages
    }

    private static func feed(_ bytes: [UInt8], to channel: EmbeddedChannel) {
        do {
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
            try channel.writeInbound(ByteBuffer(bytes: bytes))
        } catch {
            // What was understood before the error counts.
        }
    }

    private struct Builder {
        var messages: [ParsedMessage] = []
        private var current: ParsedMessage?

        mutating func begin(_ startLine: [String], _ version: HTTPVersion, _ headers: HTTPHeaders) {
            self.current = ParsedMessage(
                startLine: startLine, isHTTP10: version == .http1_0, fields: Self.fields(headers), body: [], trailers: [])
        }

        mutating func append(_ body: ByteBuffer) { self.current?.body += body.readableBytesView }

        mutating func end(_ trailers: HTTPHeaders?) {
            guard var message = self.current else { return }
            message.trailers = trailers.map(Self.fields) ?? []
            self.messages.append(message)
            self.current = nil
        }

        private static func fields(_ headers: HTTPHeaders) -> [ParsedMessage.Field] {
            // NIO takes spaces off the end of a value, but not tabs, which are blanks too (RFC 9110 §5.6.3).
            headers.map { ParsedMessage.Field($0.name, ParsedMessage.trimmed($0.value)) }
        }
    }
}
