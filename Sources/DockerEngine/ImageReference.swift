/// Names an image the way people write it: `[registry/]path[:tag][@digest]`.
///
/// What has neither tag nor digest means `latest`. This is settled here, because the Engine API takes a missing tag in a pull
/// to mean *every* tag.
package struct ImageReference: Hashable, Sendable {
    /// `ghcr.io`, `localhost:5000`; nil is Docker Hub.
    package let registry: String?
    /// Below the registry: `acme/editor`. An image id is kept here too, and then there is neither tag nor digest.
    package let path: String
    /// nil only where a digest or an image id makes it superfluous.
    package let tag: String?
    /// `sha256:…`; decides alone where a tag is given as well.
    package let digest: String?

    package init(registry: String?, path: String, tag: String?, digest: String?) {
        self.registry = registry
        self.path = path
        self.tag = tag
        self.digest = digest
    }

    /// Registry and path, as they were written.
    var name: String { self.registry.map { "\($0)/\(self.path)" } ?? self.path }

    /// What goes into the `tag` parameter of a pull.
    var pullTag: String? { self.digest ?? self.tag }

    /// Whether this is the id of an image on this machine, which no registry can be asked for.
    package var isImageID: Bool { self.tag == nil && self.digest == nil }

    /// The name in full, which is the same however it was written: `redis` is `docker.io/library/redis:latest`. Host names are compared
    /// without case (RFC 4343). The id of an image of this machine, which may be of any name, is `sha256:` and its digits.
    package var fullName: String {
        guard !self.isImageID else { return "sha256:\(self.path)" }
        let host = self.registry?.lowercased() ?? "docker.io"
        let isHub = ["docker.io", "index.docker.io"].contains(host)
        let path = isHub && !self.path.contains("/") ? "library/\(self.path)" : self.path
        return "\(isHub ? "docker.io" : host)/\(path)" + (self.tag.map { ":\($0)" } ?? "") + (self.digest.map { "@\($0)" } ?? "")
    }

    /// What a registry's credentials are for; Docker Hub has this name for historical reasons.
    var serverAddress: String { self.registry ?? "https://index.docker.io/v1/" }
}

extension ImageReference: CustomStringConvertible {
    package var description: String {
        self.name + (self.tag.map { ":\($0)" } ?? "") + (self.digest.map { "@\($0)" } ?? "")
    }
}
