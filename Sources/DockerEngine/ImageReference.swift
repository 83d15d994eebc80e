/// The name of an image as people write it: `[registry/]path[:tag][@digest]`.
///
/// A name with neither tag nor digest means `latest`. That is added here, because for the Engine API a pull without a tag means *every* tag.
package struct ImageReference: Hashable, Sendable {
    /// Such as `ghcr.io` or `localhost:5000`; nil means Docker Hub.
    package let registry: String?
    /// The path below the registry, such as `acme/editor`. The id of an image is stored here too, without a tag or digest.
    package let path: String
    /// Nil only if there is a digest, or this is an id.
    package let tag: String?
    /// Such as `sha256:…`. If there is a tag as well, only the digest counts.
    package let digest: String?

    package init(registry: String?, path: String, tag: String?, digest: String?) {
        self.registry = registry
        self.path = path
        self.tag = tag
        self.digest = digest
    }

    /// Registry and path, as they were written.
    var name: String { self.registry.map { "\($0)/\(self.path)" } ?? self.path }

    /// The value of the `tag` parameter of a pull.
    var pullTag: String? { self.digest ?? self.tag }

    /// Whether this is the id of an image on this machine, for which no registry can be asked.
    package var isImageID: Bool { self.tag == nil && self.digest == nil }

    /// The full name, which does not depend on how the name was written: `redis` becomes `docker.io/library/redis:latest`. Host names are in lower case (RFC
    /// 4343). For an id, which may belong to an image with any name, it is `sha256:` and the digits.
    package var fullName: String {
        guard !self.isImageID else { return "sha256:\(self.path)" }
        let host = self.registry?.lowercased() ?? "docker.io"
        let isHub = ["docker.io", "index.docker.io"].contains(host)
        let path = isHub && !self.path.contains("/") ? "library/\(self.path)" : self.path
        return "\(isHub ? "docker.io" : host)/\(path)" + (self.tag.map { ":\($0)" } ?? "") + (self.digest.map { "@\($0)" } ?? "")
    }

    /// The registry for which credentials are; Docker Hub has this name for historical reasons.
    var serverAddress: String { self.registry ?? "https://index.docker.io/v1/" }
}

extension ImageReference: CustomStringConvertible {
    package var description: String {
        self.name + (self.tag.map { ":\($0)" } ?? "") + (self.digest.map { "@\($0)" } ?? "")
    }
}
