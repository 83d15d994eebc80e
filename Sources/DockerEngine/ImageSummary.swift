/// One image in the list of images on this machine.
package struct ImageSummary: Hashable, Sendable {
    /// Its names, each `repository:tag`; none for one that has lost its name to another image, or was pulled by its digest.
    package var tags: [String]
    /// The same image in the registries it came from, each `repository@digest`.
    package var digests: [String]

    package init(tags: [String], digests: [String]) {
        self.tags = tags
        self.digests = digests
    }
}

extension ImageSummary: Decodable {
    private enum CodingKeys: String, CodingKey {
        case tags = "RepoTags"
        case digests = "RepoDigests"
    }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        // Some versions write `<none>` where there is nothing.
        self.tags = (try fields.decodeIfPresent([String].self, forKey: .tags) ?? []).filter { !$0.contains("<none>") }
        self.digests = (try fields.decodeIfPresent([String].self, forKey: .digests) ?? []).filter { !$0.contains("<none>") }
    }
}
