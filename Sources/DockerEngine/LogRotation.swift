/// How much of a container's output the daemon keeps.
package struct LogRotation: Hashable, Sendable {
    /// The daemon's driver, which has to be one that keeps files.
    package var driver: String
    package var bytes: Int64

    /// - Returns: nil where the daemon's driver sends the output elsewhere, or bounds it by means of its own.
    package init?(driver: String, bytes: Int64) {
        guard ["json-file", "local"].contains(driver) else { return nil }
        self.driver = driver
        self.bytes = bytes
    }

    /// Two files: when the newer is full the older is dropped, so that half of the bytes are always there.
    private static let fileCount: Int64 = 2

    var options: [String: String] { ["max-size": String(max(1, self.bytes / Self.fileCount)), "max-file": String(Self.fileCount)] }
}

extension DockerClient {
    /// What the daemon does with output where a container says nothing of it.
    package func standardLogDriver() async throws(EngineError) -> String {
        struct Reply: Decodable {
            enum CodingKeys: String, CodingKey { case driver = "LoggingDriver" }
            var driver: String?
        }
        let request = EngineRequest(path: "/info", subject: .daemon, attempt: "ask for the daemon's log driver")
        return try await self.decode(Reply.self, from: request).driver ?? ""
    }
}
