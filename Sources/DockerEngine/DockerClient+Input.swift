import NIOCore
import NIOHTTP1

extension DockerClient {
    /// Writes to the standard input of a container's first process, once: there is nothing more to read after that. Returns when it is on its way;
    /// the process may not have read it yet.
    ///
    /// The container must have been made with `ContainerSpec.readsInput`.
    package func feed(_ bytes: [UInt8], to id: ContainerID) async throws(EngineError) {
        let request = Self.request(.POST, id, "attach", query: [("stream", "1"), ("stdin", "1")], attempt: "write to the input of container \(id)")
        let version = try await self.transport.negotiatedVersion()
        try await HijackedConnection(endpoint: self.endpoint).deliver(ByteBuffer(bytes: bytes), request, version: version)
    }

    /// Gives the container another name.
    /// - Throws: `nameConflict` where another one has it.
    package func rename(_ id: ContainerID, to name: ContainerID) async throws(EngineError) {
        var request = Self.request(.POST, id, "rename", query: [("name", name.rawValue)], attempt: "rename container \(id) to \(name)")
        request.subject = .creation
        try await self.perform(request)
    }
}
