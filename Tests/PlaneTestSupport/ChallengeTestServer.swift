import Foundation

/// A name server whose records are set over HTTP: Debian's `pebble-challtestsrv` on loopback.
package final class ChallengeTestServer: Sendable {
    private let process: TestProcess
    private let managementPort: UInt16
    /// `host:port`, UDP and TCP.
    package let address: String

    package init() async throws {
        let port = try freeLoopbackPort()
        self.managementPort = try freeLoopbackPort()
        self.address = "127.0.0.1:\(port)"
        self.process = try TestProcess(
            "/usr/bin/pebble-challtestsrv",
            [
                "-dns01", self.address, "-management", "127.0.0.1:\(self.managementPort)", "-http01", "", "-https01", "", "-tlsalpn01", "",
            ])
        try await self.process.line(containing: "Starting management server")
        _ = try await LoopbackConnection.whenListening(port: self.managementPort)
    }

    /// Adds a TXT record; the name without a dot at its end.
    package func addText(_ value: String, at name: String) async throws {
        try await self.post("/set-txt", #"{"host":"\#(name).","value":"\#(value)"}"#)
    }

    /// Removes all TXT records of the name.
    package func clearText(at name: String) async throws {
        try await self.post("/clear-txt", #"{"host":"\#(name)."}"#)
    }

    private func post(_ path: String, _ body: String) async throws {
        let connection = try await LoopbackConnection(port: self.managementPort)
        try await connection.send("POST \(path) HTTP/1.0\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
        let answer = String(decoding: try await connection.receiveToEnd(), as: UTF8.self)
        guard answer.contains(" 200 ") else { throw LoopbackConnection.Failure(description: "set records: \(answer)") }
    }
}
