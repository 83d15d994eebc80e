import NIOCore
import NIOWebSocket

/// One WebSocket: what comes in goes out again (RFC 6455).
struct EchoConnection {
    let channel: NIOAsyncChannel<WebSocketFrame, WebSocketFrame>

    /// Returns when either side has closed. An error means the peer is gone: there is nobody left to tell.
    func echo() async {
        try? await self.channel.executeThenClose { inbound, outbound in
            for try await frame in inbound {
                switch frame.opcode {
                case .text, .binary, .continuation:
                    try await outbound.write(WebSocketFrame(fin: frame.fin, opcode: frame.opcode, data: frame.unmaskedData))
                case .ping:
                    try await outbound.write(WebSocketFrame(fin: true, opcode: .pong, data: frame.unmaskedData))
                case .connectionClose:
                    try await outbound.write(
                        WebSocketFrame(fin: true, opcode: .connectionClose, data: frame.unmaskedData))
                    return
                default:
                    continue
                }
            }
        }
    }
}
