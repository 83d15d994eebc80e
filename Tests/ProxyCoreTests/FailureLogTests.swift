import PlaneTestSupport
import Testing

@testable import ProxyCore

@Suite("The proxy's log and requests that are not served") struct FailureLogTests {
    @Test("some a second are told one by one, the others by their number")
    func allowance() async throws {
        let log = LogRecorder()
        let requests = 300
        try await withProxy(logger: log.logger) { proxy in
            try proxy.backend("b-1").stopListening()
            let client = try proxy.connect()
            // All at once, so that many of them fail within a second on a slow machine too.
            let last = "GET / HTTP/1.1\r\nHost: b-1.plane.test\r\nConnection: close\r\n\r\n"
            try await client.send(String(repeating: "GET / HTTP/1.1\r\nHost: b-1.plane.test\r\n\r\n", count: requests - 1) + last)
            #expect(try await client.receiveToEnd().ranges(of: "HTTP/1.1 502 ").count == requests)
        }
        let told = log.entries.filter { $0.message == "request not served" }.count
        let others = log.entries.filter { $0.message == "more requests were not served" }.compactMap { $0.metadata["count"].flatMap { Int("\($0)") } }
        #expect(told < requests && !others.isEmpty)
        #expect(told + others.reduce(0, +) == requests)
    }
}
