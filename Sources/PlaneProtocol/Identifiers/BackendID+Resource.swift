/// What a backend is called in Docker: `plane-<backend id>` is the container's name, its syslog tag and the value of its label.
extension BackendID {
    /// On every container of ours, with the value `true`.
    package static let managedLabel = "dev.plane.managed"
    /// Says which backend a container is; its value is the resource name, with prefix.
    package static let backendLabel = "dev.plane.backend"

    package var resourceName: String { Self.resourcePrefix + self.rawValue }

    /// The backend of a resource name; nil if it is not one of ours.
    package init?(resourceName: String) {
        guard resourceName.hasPrefix(Self.resourcePrefix) else { return nil }
        self.init(rawValue: String(resourceName.dropFirst(Self.resourcePrefix.count)))
    }

    private static let resourcePrefix = "plane-"
}
