import AsyncHTTPClient
package import NIOCore
import NIOHTTP1

/// Copying files of a container as tar archives. The container needs no program for that.
extension DockerClient {
    /// Reads the archive of a file, or of a directory with its contents, at the pace of `body`. Before that, `began` is called when the daemon has found the
    /// path.
    /// - Throws: `badRequest` if there is no such path.
    package func readArchive(
        of path: String, in id: ContainerID, began: () -> Void = {}, _ body: (ByteBuffer) async throws -> Void
    ) async throws(EngineError) {
        var request = Self.request(.GET, id, "archive", query: [("path", path)], attempt: "read \(path) in container \(id)")
        request.subject = .files
        let response = try await self.transport.open(request)
        began()
        do {
            for try await bytes in response.body { try await body(bytes) }
        } catch {
            throw EngineError(transport: error, attempt: request.attempt, endpoint: self.endpoint)
        }
    }

    /// Unpacks an archive in a directory of the container, which need not run. Returns when the daemon has done so.
    package func writeArchive(_ archive: [UInt8], to path: String, in id: ContainerID) async throws(EngineError) {
        var request = Self.request(.PUT, id, "archive", query: [("path", path)], attempt: "write to \(path) in container \(id)")
        request.subject = .files
        request.limit = .start
        request.contentType = "application/x-tar"
        request.body = ByteBuffer(bytes: archive)
        try await self.perform(request)
    }

    /// Unpacks an archive in a directory of the container. Returns when the daemon has done so.
    /// - Throws: `badRequest` when there is no such directory.
    package func writeArchive<Bytes: AsyncSequence & Sendable>(
        _ archive: Bytes, to path: String, in id: ContainerID
    ) async throws(EngineError) where Bytes.Element == ByteBuffer {
        var request = Self.request(.PUT, id, "archive", query: [("path", path)], attempt: "write to \(path) in container \(id)")
        request.subject = .files
        request.limit = .none
        request.contentType = "application/x-tar"
        request.stream = .stream(archive, length: .unknown)
        try await self.perform(request)
    }
}
