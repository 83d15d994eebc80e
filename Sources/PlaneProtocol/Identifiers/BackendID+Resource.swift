/// A backend's name in Docker: `plane-<backend id>` is the name of its container, its syslog tag, and the value of its label.
extension BackendID {
    /// A label of every container that plane makes, with the value `true`.
    package static let managedLabel = "dev.plane.managed"
    /// The label that says which backend's a container is; its value is the resource name, with prefix.
    package static let backendLabel = "dev.plane.backend"

    package var resourceName: String { Self.resourcePrefix + self.rawValue }

    /// The backend of a resource name; nil for any other name.
    package init?(resourceName: String) {
        guard resourceName.hasPrefix(Self.resourcePrefix) else { return nil }
        self.init(rawValue: String(resourceName.dropFirst(Self.resourcePrefix.count)))
    }

    private static let resourcePrefix = "plane-"
}
