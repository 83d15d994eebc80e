import GatewayCore
import HTTPTypes
import HummingbirdCore
import NIOCore
import Timing

/// Writes a reply to its connection, and deals with the unread rest of the request.
struct ReplySender: Sendable {
    let request: IncomingRequest

    /// How many bytes of an unread body are read and dropped, so that the client can read the answer.
    private static let unreadBytes = 4 << 20
    private static let unreadLimit: Duration = .seconds(2)

    func send(_ reply: Reply, _ writer: consuming ResponseWriter, _ channel: any Channel) async throws {
        var head = HTTPResponse(status: HTTPResponse.Status(code: reply.status), headerFields: reply.fields)
        let isHead = self.request.method == "HEAD"
        // A body that is too long or too slow is not read to its end; the connection is closed instead.
        let closes = reply.status == 413 || reply.status == 408
        if closes { head.headerFields[.connection] = "close" }
        switch reply.body {
        case .bytes(let bytes):
            if reply.status != 204 { head.headerFields[.contentLength] = "\(bytes.count)" }
            if isHead || bytes.isEmpty {
                try await writer.writeResponse(head)
            } else {
                try await writer.write(response: head, body: ResponseBody(byteBuffer: channel.allocator.buffer(bytes: bytes)))
            }
        case .stream(let write):
            guard !isHead else {
                try await writer.writeResponse(head)
                break
            }
            let body = try await writer.writeHead(head)
            var pieces = PieceWriter(body, allocator: channel.allocator)
            try await write(&pieces)
            try await body.finish(nil)
        }
        guard closes else { return }
        // A body can only be read once, so nothing is done here if a part of it was read.
        if self.request.statedLength ?? 0 > IncomingRequest.maximumBodyBytes { await self.passOver() }
        channel.close(promise: nil)
    }

    private func passOver() async {
        let body = self.request.body
        _ = await withTimeLimit(Self.unreadLimit) {
            var count = 0
            // An error has no consequences, since the connection is closed anyway.
            do { for try await piece in body { count += piece.readableBytes; if count > Self.unreadBytes { return } } } catch {}
        }
    }
}
