import DroneCoreConfiguration
import NetworkAddresses
import PlaneProtocol
import Testing

@testable import DroneCore

@Suite struct OwnAddressTests {
    @Test(
        "A18: an address may have white space around it and nothing else",
        arguments: [
            ("203.0.113.7", "203.0.113.7"), (" 203.0.113.7\r\n", "203.0.113.7"), ("2001:db8::7\n", "2001:db8::7"),
            ("", nil), ("not an address", nil), ("203.0.113.7 203.0.113.8", nil), ("<html>203.0.113.7</html>", nil),
        ] as [(String, String?)])
    func address(text: String, expected: String?) {
        #expect(OwnAddress.address(in: text)?.description == expected)
    }

    @Test("a literal is itself")
    func literal() async throws {
        #expect(try await OwnAddress.literal(.v4(1)).find() == .v4(1))
    }

    @Test(
        "the service's answer is read; an error page is not an address",
        arguments: [
            ("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n203.0.113.7\n", true),
            ("HTTP/1.1 404 Not Found\r\nContent-Length: 11\r\n\r\n203.0.113.7", false),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + String(repeating: "x", count: 5000), false),
        ])
    func lookup(response: String, isFound: Bool) async throws {
        let server = try await AnsweringServer.start(response)
        let address = OwnAddress.lookup(url: "http://\(server.address)/ip")
        if isFound {
            #expect(try await address.find() == IPAddress("203.0.113.7"))
        } else {
            await #expect(throws: OwnAddress.LookupError.self) { try await address.find() }
        }
        try await server.stop()
    }
}
