import Foundation
import NIOCore
import NIOHTTP1

/// One client connection: requests in, answers out, one after the other.
struct HTTPConnection {
    typealias ResponsePart = HTTPPart<HTTPResponseHead, ByteBuffer>

    let channel: NIOAsyncChannel<HTTPServerRequestPart, ResponsePart>

    /// Returns when either side has closed. An error means the peer is gone: there is nobody left to tell.
    func serve(_ routes: Routes) async {
        try? await self.channel.executeThenClose { inbound, outbound in
            var head: HTTPRequestHead?
            var bodyBytes = 0
            for try await part in inbound {
                switch part {
                case .head(let received):
                    head = received
                    bodyBytes = 0
                case .body(let bytes):
                    bodyBytes += bytes.readableBytes
                case .end:
                    guard let request = head else { continue }
                    let response = Response(outbound: outbound, isHead: request.method == .HEAD)
                    try await routes.answer(Request(head: request, bodyBytes: bodyBytes), with: response)
                    if !request.isKeepAlive { return }
                }
            }
        }
    }
}

/// Gives the encoder its own kind of body part: the channel's async side needs one that can cross tasks.
final class ResponsePartAdapter: ChannelOutboundHandler {
    typealias OutboundIn = HTTPConnection.ResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch self.unwrapOutboundIn(data) {
        case .head(let head): context.write(self.wrapOutboundOut(.head(head)), promise: promise)
        case .body(let bytes): context.write(self.wrapOutboundOut(.body(.byteBuffer(bytes))), promise: promise)
        case .end(let trailers): context.write(self.wrapOutboundOut(.end(trailers)), promise: promise)
        }
    }
}

/// A request, read to its end.
struct Request {
    let head: HTTPRequestHead
    let bodyBytes: Int

    var path: Substring { self.head.uri.prefix { $0 != "?" } }

    /// The value of `name` in the query, with `+` and percent escapes decoded.
    func query(_ name: String) -> String? {
        guard let question = self.head.uri.firstIndex(of: "?") else { return nil }
        for pair in self.head.uri[question...].dropFirst().split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1)
            if parts.first == name[...] {
                return parts.dropFirst().first.map { $0.replacing("+", with: " ").removingPercentEncoding ?? String($0) } ?? ""
            }
        }
        return nil
    }
}

/// The way back.
struct Response {
    let outbound: NIOAsyncChannelOutboundWriter<HTTPConnection.ResponsePart>
    let isHead: Bool

    func send(_ status: HTTPResponseStatus = .ok, type: String = "text/plain; charset=utf-8", body: String) async throws {
        let bytes = ByteBuffer(string: body)
        let headers: HTTPHeaders = ["Content-Type": type, "Content-Length": String(bytes.readableBytes)]
        try await self.outbound.write(.head(HTTPResponseHead(version: .http1_1, status: status, headers: headers)))
        if !self.isHead { try await self.outbound.write(.body(bytes)) }
        try await self.outbound.write(.end(nil))
    }

    /// Sends what `produce` returns until that is nil, as it comes.
    func stream(type: String, length: Int? = nil, _ produce: () async throws -> ByteBuffer?) async throws {
        var headers: HTTPHeaders = ["Content-Type": type, "Cache-Control": "no-store"]
        if let length { headers.add(name: "Content-Length", value: String(length)) }
        try await self.outbound.write(.head(HTTPResponseHead(version: .http1_1, status: .ok, headers: headers)))
        while !self.isHead, let bytes = try await produce() { try await self.outbound.write(.body(bytes)) }
        try await self.outbound.write(.end(nil))
    }
}
