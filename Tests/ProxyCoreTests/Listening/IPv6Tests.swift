import PlaneTestSupport
import Testing

@Suite("IPv6")
struct IPv6Tests {
    private static let ok = "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok"

    @Test("a socket on :: serves both kinds of clients, and each is told to the backend as it is")
    func both() async throws {
        try await withProxy(address: "::") { proxy in
            let backend = try proxy.backend("b-1")
            for (address, name) in [("[::1]", "::1"), ("127.0.0.1", "127.0.0.1")] {
                let answering = Task {
                    let peer = try await backend.accept()
                    let request = try await peer.receive(until: "\r\n\r\n")
                    try await peer.send(Self.ok.replacing("\r\nDate", with: "\r\nConnection: close\r\nDate"))
                    return request
                }
                let output = try await Shell.run("curl -gsS -m 120 -H 'Host: b-1.plane.test' http://\(address):\(proxy.port)/")
                #expect(output == "ok")
                #expect(try await answering.value.contains("\r\nX-Forwarded-For: \(name)\r\n"))
            }
        }
    }
}
