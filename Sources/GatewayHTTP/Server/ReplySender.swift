import GatewayCore
import HTTPTypes
import HummingbirdCore
import NIOCore
import Timing

/// Writes a reply to its connection, and sees to what is left of the request.
struct ReplySender: Sendable {
    let request: IncomingRequest

    /// Of a body that nobody reads: so much is passed over, so that the client gets to read the answer.
    private static let unreadBytes = 4 << 20
    private static let unreadLimit: Duration = .seconds(2)

    func send(_ reply: Reply, _ writer: consuming ResponseWriter, _ channel: any Channel) async throws {
        var head = HTTPResponse(status: HTTPResponse.Status(code: reply.status), headerFields: reply.fields)
        let isHead = self.request.method == "HEAD"
        // A body that is too long, or of unknown length and not wanted, is not read to its end: the connection is closed.
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
        // A body can be read once: one of which a part was read is not gone on with.
        if self.request.statedLength ?? 0 > IncomingRequest.maximumBodyBytes { await self.passOver() }
        channel.close(promise: nil)
    }

    private func passOver() async {
        let body = self.request.body
        _ = await withTimeLimit(Self.unreadLimit) {
            var count = 0
            // The connection is closed in any case.
            do { for try await piece in body { count += piece.readableBytes; if count > Self.unreadBytes { return } } } catch {}
        }
    }
}
