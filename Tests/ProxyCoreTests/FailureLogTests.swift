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
            for _ in 0..<requests {
                try await client.send("GET / HTTP/1.1\r\nHost: b-1.plane.test\r\n\r\n")
                #expect(try await client.receiveMessage().hasPrefix("HTTP/1.1 502 "))
            }
        }
        let told = log.entries.filter { $0.message == "request not served" }.count
        let others = log.entries.filter { $0.message == "more requests were not served" }.compactMap { $0.metadata["count"].flatMap { Int("\($0)") } }
        #expect(told < requests && !others.isEmpty)
        #expect(told + others.reduce(0, +) == requests)
    }
}
