import Foundation
import NIOCore
import PlaneTestSupport
import ProxyCore
import Testing

@Suite("A policy with several endpoints for a name, on the same engine")
struct BalancingPolicyTests {
    private static func get(_ path: String = "/", fields: String = "") -> String {
        "GET \(path) HTTP/1.1\r\nHost: app.test\r\n\(fields)\r\n"
    }

    private static func ok(_ body: String) -> String { "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)" }

    private static func withBalancing(_ body: (_ table: BalancingTable, _ proxy: PolicyUnderTest) async throws -> Void) async throws {
        let table = BalancingTable()
        try await withEngine(table) { try await body(table, $0) }
    }

    /// An endpoint that nobody listens on any more.
    private static func deadEndpoint() throws -> TestBackend {
        let backend = try TestBackend()
        backend.stopListening()
        return backend
    }

    @Test("requests go round, each endpoint sees its own name as the host, and the visitor's address behind what came")
    func round() async throws {
        try await Self.withBalancing { table, proxy in
            let backends = try (0..<3).map { _ in try TestBackend() }
            table.set("app.test", try backends.map { try $0.socketAddress() })
            let client = try proxy.connect()
            for backend in backends {
                try await client.send(Self.get(fields: "X-Forwarded-For: 192.0.2.9\r\n"))
                let (request, _) = try await backend.answerOnce(Self.ok("\(backend.port)")).value
                #expect(request.contains("\r\nHost: backend-\(backend.port)\r\n"))
                #expect(request.contains("\r\nX-Forwarded-Host: app.test\r\n"))
                #expect(request.contains("\r\nX-Forwarded-For: 192.0.2.9, 127.0.0.1\r\n"))
                #expect(try await client.receiveMessage() == Self.ok("\(backend.port)"))
            }
        }
    }

    @Test("where a policy calls nothing a secret, the access log has every path, whatever it looks like")
    func wholePath() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("access.log")
        _ = FileManager.default.createFile(atPath: path, contents: nil)
        let file = try #require(FileHandle(forWritingAtPath: path))
        var options = ProxyOptions()
        options.accessLog = AccessLog(format: .common, descriptor: file.fileDescriptor)
        let hash = "0123456789abcdefghijklmnopqrstuvwxyzABCDE-_"
        try await withEngine(BalancingTable(), options: options) { proxy in
            _ = try await proxy.exchange("GET /\(hash) HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n")
        }
        #expect(try String(contentsOfFile: path, encoding: .utf8).contains("\"GET /\(hash) HTTP/1.1\" 400 "))
    }

    @Test("an endpoint that refuses is marked, and another gets the whole request, body included")
    func anotherEndpoint() async throws {
        try await Self.withBalancing { table, proxy in
            let (dead, alive) = (try Self.deadEndpoint(), try TestBackend())
            table.set("app.test", [try dead.socketAddress(), try alive.socketAddress()])
            let client = try proxy.connect()
            try await client.send("POST /form HTTP/1.1\r\nHost: app.test\r\nContent-Length: 8\r\n\r\nall of i")
            let peer = try await alive.accept()
            #expect(try await peer.receive(until: "all of i").hasPrefix("POST /form HTTP/1.1\r\n"))
            try await peer.send(Self.ok("1"))
            #expect(try await client.receiveMessage() == Self.ok("1"))
            // Marked: the next one does not try it.
            try await client.send(Self.get())
            _ = try await peer.receive(until: "\r\n\r\n")
            try await peer.send(Self.ok("2"))
            #expect(try await client.receiveMessage() == Self.ok("2"))
            #expect(table.failed.map(\.failure) == [.refusedConnection])
            #expect(table.failed.map(\.retry) == [.allowed])
            try await eventually("both are told") { table.ended.map(\.status) == [200, 200] }
        }
    }

    @Test("no other endpoint gets a request of which something has been sent")
    func nothingTwice() async throws {
        try await Self.withBalancing { table, proxy in
            let (first, second) = (try TestBackend(), try TestBackend())
            table.set("app.test", [try first.socketAddress(), try second.socketAddress()])
            let client = try proxy.connect()
            try await client.send("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 1\r\n\r\nx")
            let peer = try await first.accept()
            _ = try await peer.receive(until: "\r\n\r\nx")
            peer.close()
            let answer = try await client.receiveMessage()
            #expect(answer.hasPrefix("HTTP/1.1 502 ") && answer.hasSuffix("\r\n\r\n"))
            #expect(table.failed.map(\.failure) == [.closedBeforeResponse])
            #expect(table.failed.map(\.retry) == [.forbidden])
            try await eventually("it is told") { table.ended.map(\.failure) == [.upstream(.closedBeforeResponse)] }
            // The connection goes on, and it is the second one's turn.
            try await client.send(Self.get())
            _ = try await second.answerOnce(Self.ok("2")).value
            #expect(try await client.receiveMessage() == Self.ok("2"))
        }
    }

    @Test("when all are dead the policy answers, and asks none of them again")
    func allDead() async throws {
        try await Self.withBalancing { table, proxy in
            let dead = try [Self.deadEndpoint(), Self.deadEndpoint()]
            table.set("app.test", try dead.map { try $0.socketAddress() })
            let client = try proxy.connect()
            for _ in 0..<2 {
                try await client.send(Self.get())
                #expect(try await client.receiveMessage().hasSuffix("all backends are dead\n"))
            }
            #expect(table.failed.map(\.number) == [0, 1])
        }
    }

    @Test("one request is offered to eight endpoints at most")
    func attemptLimit() async throws {
        try await Self.withBalancing { table, proxy in
            let dead = try (0..<9).map { _ in try Self.deadEndpoint() }
            table.set("app.test", try dead.map { try $0.socketAddress() })
            let client = try proxy.connect()
            try await client.send(Self.get())
            #expect(try await client.receiveMessage().hasPrefix("HTTP/1.1 502 "))
            #expect(table.failed.count == 8)
            #expect(table.failed.last?.retry == .forbidden)
            try await eventually("it is told") { table.ended.map(\.failure) == [.upstream(.refusedConnection)] }
        }
    }

    @Test("what cannot be looked up is our fault, what cannot be read the visitor's, and the policy is told so")
    func faults() async throws {
        try await Self.withBalancing { table, proxy in
            #expect(try await proxy.exchange("GET / HTTP/1.1\r\nHost: other.test\r\nConnection: close\r\n\r\n").hasSuffix("no such route\n"))
            _ = try await proxy.exchange("GET / HTTP/1.1\r\nHost: a b\r\n\r\n")
            table.makeUnreadable()
            _ = try await proxy.exchange("GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n")
            try await eventually("all are told") { table.ended.map(\.failure) == [nil, .visitor(.malformed(.malformedHost)), .proxy(.routesUnavailable)] }
        }
    }
}
