/// What a backend runs: an image, and how the container is made from it.
package struct DockerExecutableConfig: Hashable, Sendable {
    /// As in `docker run`: `registry.example/app:1.4`.
    package var image: String
    /// Environment of the container. Values are secret, names are not.
    package var env: [String: Secret]
    /// For the registry that holds the image.
    package var credentials: DockerCredentials?
    package var resourceLimits: ResourceLimits
    package var pullPolicy: PullPolicy
    /// The container's HTTP port; `defaultPort` if nil.
    package var port: UInt16?
    /// Docker's bind syntax, `host:container[:options]`. Drones refuse them unless configured to allow them.
    package var volumeMounts: [String]

    package static let defaultPort: UInt16 = 8080

    package init(
        image: String, env: [String: Secret] = [:], credentials: DockerCredentials? = nil,
        resourceLimits: ResourceLimits = ResourceLimits(), pullPolicy: PullPolicy = .ifNotPresent, port: UInt16? = nil,
        volumeMounts: [String] = []
    ) {
        self.image = image
        self.env = env
        self.credentials = credentials
        self.resourceLimits = resourceLimits
        self.pullPolicy = pullPolicy
        self.port = port
        self.volumeMounts = volumeMounts
    }
}

extension DockerExecutableConfig: JSONCodable {
    package init(json: JSONNode) throws(MessageError) {
        self.image = try json.required("image")
        self.env = try json.required("env")
        self.credentials = try json.optional("credentials")
        self.resourceLimits = try json.value("resource_limits", default: ResourceLimits())
        self.pullPolicy = try json.value("pull_policy", default: .ifNotPresent)
        self.port = try json.optional("port")
        self.volumeMounts = try json.value("volume_mounts", default: [])
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("image", self.image)
            $0.field("env", self.env)
            $0.field("credentials", self.credentials)
            $0.field("resource_limits", self.resourceLimits)
            $0.field("pull_policy", self.pullPolicy)
            $0.field("port", self.port)
            $0.fieldIfPresent("volume_mounts", self.volumeMounts.isEmpty ? nil : self.volumeMounts)
        }
    }
}
