import Foundation
import Glibc

/// One HTTP request on a blocking socket of its own: the cheapest client there is, so that what is measured is the other side.
///
/// Speaks HTTP/1.0 with `Connection: close`; the answer is whatever arrives until the peer closes.
enum RawHTTP {
    enum Endpoint: Sendable {
        case unixSocket(path: String)
        case tcp(host: String, port: UInt16)
    }

    struct Response: Sendable {
        var status: Int
        var body: Data
    }

    struct Failure: Error, CustomStringConvertible {
        var attempt: String
        /// `errno` of the failed call; 0 if the answer could not be understood.
        var code: Int32
        var description: String { "\(attempt): \(code == 0 ? "no HTTP answer" : String(cString: strerror(code)))" }
    }

    static func exchange(
        _ endpoint: Endpoint, _ method: String, _ path: String, host: String = "localhost", json: Data? = nil
    ) throws(Failure) -> Response {
        let socket = try connect(endpoint)
        defer { close(socket) }
        var head = "\(method) \(path) HTTP/1.0\r\nHost: \(host)\r\nConnection: close\r\n"
        if let json { head += "Content-Type: application/json\r\nContent-Length: \(json.count)\r\n" }
        try writeAll(Data((head + "\r\n").utf8) + (json ?? Data()), to: socket)
        return try parse(readToEnd(socket), attempt: "\(method) \(path)")
    }

    // MARK: Sockets

    private static func connect(_ endpoint: Endpoint) throws(Failure) -> Int32 {
        switch endpoint {
        case .unixSocket(let path):
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
            return try connect(AF_UNIX, address, "connect to \(path)")
        case .tcp(let host, let port):
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            inet_pton(AF_INET, host, &address.sin_addr)
            return try connect(AF_INET, address, "connect to \(host):\(port)")
        }
    }

    private static func connect<Address>(_ family: Int32, _ address: Address, _ attempt: String) throws(Failure) -> Int32 {
        let socket = Glibc.socket(family, Int32(SOCK_STREAM.rawValue), 0)
        guard socket >= 0 else { throw Failure(attempt: attempt, code: errno) }
        let result = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(socket, $0, socklen_t(MemoryLayout<Address>.size))
            }
        }
        if result != 0 {
            let code = errno
            close(socket)
            throw Failure(attempt: attempt, code: code)
        }
        return socket
    }

    private static func writeAll(_ data: Data, to socket: Int32) throws(Failure) {
        var rest = data[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard written > 0 else { throw Failure(attempt: "write a request", code: errno) }
            rest = rest.dropFirst(written)
        }
    }

    private static func readToEnd(_ socket: Int32) throws(Failure) -> Data {
        var answer = Data()
        var chunk = [UInt8](repeating: 0, count: 16384)
        while true {
            let count = read(socket, &chunk, chunk.count)
            guard count >= 0 else { throw Failure(attempt: "read an answer", code: errno) }
            if count == 0 { return answer }
            answer.append(contentsOf: chunk[..<count])
        }
    }

    private static func parse(_ answer: Data, attempt: String) throws(Failure) -> Response {
        guard let headEnd = answer.range(of: Data("\r\n\r\n".utf8)),
            let statusLine = String(bytes: answer[..<headEnd.lowerBound], encoding: .utf8)?.split(separator: "\r\n").first,
            let status = statusLine.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
        else { throw Failure(attempt: attempt, code: 0) }
        return Response(status: status, body: answer[headEnd.upperBound...])
    }
}

/// Runs blocking work on a thread of its own, away from the cooperative pool.
func onThread<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread {
            continuation.resume(with: Swift.Result { try work() })
        }
    }
}
