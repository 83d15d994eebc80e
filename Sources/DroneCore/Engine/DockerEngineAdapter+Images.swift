import DockerEngine
package import PlaneProtocol

extension DockerEngineAdapter {
    /// The images on this machine, each by all of its names; the newest first. Images without a name are those that were pulled by their digest.
    package func images() async throws(BackendEngineError) -> [DroneStarts.Image] {
        do throws(EngineError) {
            return try await self.client.listImages().flatMap { Self.names(of: $0) }
        } catch {
            throw BackendEngineError(error)
        }
    }

    static func names(of image: ImageSummary) -> [DroneStarts.Image] {
        let digests = image.digests.compactMap { text -> (repository: String, digest: String)? in
            let parts = text.split(separator: "@", maxSplits: 1)
            guard parts.count == 2 else { return nil }
            return (String(parts[0]), String(parts[1]))
        }
        let tagged = image.tags.map { tag in
            DroneStarts.Image(name: tag, digest: digests.first { tag.hasPrefix("\($0.repository):") }?.digest)
        }
        // The image has no tag in this digest's repository, so the digest is its only name there.
        let others = digests.filter { digest in !image.tags.contains { $0.hasPrefix("\(digest.repository):") } }
        return tagged + others.map { DroneStarts.Image(name: "\($0.repository)@\($0.digest)") }
    }
}
