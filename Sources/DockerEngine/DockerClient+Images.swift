import NIOCore
import NIOHTTP1

/// Images on this machine, and pulling them.
extension DockerClient {
    /// Whether the image is on this machine.
    package func imageExists(_ image: ImageReference) async throws(EngineError) -> Bool {
        let request = EngineRequest(path: "/images/\(image)/json", subject: .image, attempt: "look for image \(image)")
        do {
            try await self.perform(request)
            return true
        } catch where error.code == .noSuchImage {
            return false
        }
    }

    /// The longest list of images in bytes: some thousand, with labels.
    private static let listLimit = 16 * 1024 * 1024

    /// The images on this machine, without the layers between them; the newest first.
    package func listImages() async throws(EngineError) -> [ImageSummary] {
        let request = EngineRequest(path: "/images/json", subject: .daemon, attempt: "list images")
        return try await self.decode([ImageSummary].self, from: request, upTo: Self.listLimit)
    }

    /// Makes an image with one layer from an archive (tar), without a registry. An image with that name is replaced.
    package func importImage(_ archive: [UInt8], as image: ImageReference) async throws(EngineError) {
        let attempt = "import image \(image)"
        guard let tag = image.tag else { throw EngineError(.badRequest, attempt: attempt, hint: "an imported image needs a tag") }
        var request = EngineRequest(
            method: .POST, path: "/images/create", query: [("fromSrc", "-"), ("repo", image.name), ("tag", tag)],
            body: ByteBuffer(bytes: archive), subject: .daemon, attempt: attempt, limit: .start)
        request.contentType = "application/x-tar"
        let lines = EngineStream(
            try await self.transport.open(request), decoder: JSONLineDecoder<PullMessage>(), request: request, endpoint: self.endpoint)
        // As with a pull, a failure may be reported after the status.
        for try await case .failure(let text) in lines {
            throw EngineError(.daemonFailed, attempt: attempt, message: DaemonMessage(text).text)
        }
    }

    /// Pulls the image from its registry, and returns when it is on this machine. Layers that are here already are not fetched again.
    ///
    /// There is no time limit; cancel the task to give up. Two pulls of one image at the same time share their downloads in the daemon.
    /// - Parameters:
    ///   - auth: sent to the daemon in a header; never logged.
    ///   - progress: called often and in order, and never after this method has returned.
    /// - Throws: `imageNotFound`, `pullDenied`, `registry` or `diskFull` among others.
    package func pull(
        _ image: ImageReference, auth: RegistryAuth? = nil, progress: @Sendable (PullProgress) -> Void = { _ in }
    ) async throws(EngineError) {
        let attempt = "pull image \(image)"
        guard let tag = image.pullTag else {
            throw EngineError(.imageNotFound, attempt: attempt, hint: "an image id names an image of this machine only")
        }
        var request = EngineRequest(
            method: .POST, path: "/images/create", query: [("fromImage", image.name), ("tag", tag)], subject: .registry,
            attempt: attempt, limit: .none)
        if let auth {
            do {
                request.headers.append(("X-Registry-Auth", try auth.headerValue(serverAddress: image.serverAddress)))
            } catch {
                throw EngineError(.badRequest, attempt: attempt, hint: "the credentials cannot be encoded")
            }
        }
        let lines = EngineStream(
            try await self.transport.open(request), decoder: JSONLineDecoder<PullMessage>(), request: request,
            endpoint: self.endpoint)
        // The status is sent before the registry is asked, so a failure is reported as one of the lines.
        for try await line in lines {
            switch line {
            case .progress(let step): progress(step)
            case .failure(let text):
                let message = DaemonMessage(text)
                throw EngineError(pullFailure: message, attempt: attempt)
            }
        }
    }
}
