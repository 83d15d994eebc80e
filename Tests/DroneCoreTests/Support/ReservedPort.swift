import Glibc

/// A TCP port of 127.0.0.1 that refuses connections for as long as this lives: bound, and not listened on.
final class ReservedPort {
    struct Failure: Error {
        let code: Int32
    }

    let port: UInt16
    private let descriptor: Int32

    init() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(code: errno) }
        // As bytes, since the members of sockaddr_in are those of whichever module the compiler has seen first: family, port, address.
        var address = [UInt8](repeating: 0, count: MemoryLayout<sockaddr_in>.size)
        address[0] = UInt8(AF_INET)
        address.replaceSubrange(4..<8, with: [127, 0, 0, 1])
        var length = socklen_t(address.count)
        let outcome = address.withUnsafeMutableBytes { bytes in
            bytes.withMemoryRebound(to: sockaddr.self) { bind(descriptor, $0.baseAddress!, length) | getsockname(descriptor, $0.baseAddress!, &length) }
        }
        guard outcome == 0 else {
            defer { close(descriptor) }
            throw Failure(code: errno)
        }
        self.descriptor = descriptor
        self.port = UInt16(address[2]) << 8 | UInt16(address[3])
    }

    deinit { close(self.descriptor) }
}
