import HTTPTypes
import NIOCore
import NIOHTTP1

/// Writes answers as HTTP/1.1 (RFC 9112 §4, §5 and §7.1).
enum ResponseText {
    /// How the client finds the end of the body.
    enum Framing {
        case length(Int)
        case chunked
        /// By the end of the connection, or because there is no body.
        case byEnd
    }

    static let lastChunk = "0\r\n\r\n"
    static let goOn = "HTTP/1.1 100 Continue\r\n\r\n"

    /// - Parameter connection: the value of the field Connection; nil leaves it out.
    static func writeHead(status: Int, _ fields: HTTPFields, _ framing: Framing, connection: String?, to buffer: inout ByteBuffer) {
        buffer.writeString("HTTP/1.1 ")
        buffer.writeString(String(status))
        buffer.writeString(" ")
        buffer.writeString(HTTPResponseStatus(statusCode: status).reasonPhrase)
        buffer.writeString("\r\n")
        // The type of fields holds no name and no value that would break a line.
        for field in fields { self.write(field.name.rawName, field.value, to: &buffer) }
        switch framing {
        case .length(let count): self.write("Content-Length", String(count), to: &buffer)
        case .chunked: self.write("Transfer-Encoding", "chunked", to: &buffer)
        case .byEnd: break
        }
        if let connection { self.write("Connection", connection, to: &buffer) }
        buffer.writeString("\r\n")
    }

    /// A piece that is not empty, since an empty chunk is the end.
    static func writeChunk(_ bytes: [UInt8], to buffer: inout ByteBuffer) {
        buffer.writeString(String(bytes.count, radix: 16))
        buffer.writeString("\r\n")
        buffer.writeBytes(bytes)
        buffer.writeString("\r\n")
    }

    private static func write(_ name: String, _ value: String, to buffer: inout ByteBuffer) {
        buffer.writeString(name)
        buffer.writeString(": ")
        buffer.writeString(value)
        buffer.writeString("\r\n")
    }
}
