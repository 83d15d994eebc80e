/// What a backend runs: an image, and how the container is made from it.
package struct DockerExecutableConfig: Hashable, Sendable {
    /// The image as in `docker run`: `registry.example/app:1.4`.
    package var image: String
    /// Environment of the container. Values are secret, names are not.
    package var env: [String: Secret]
    /// Credentials for the registry of the image.
    package var credentials: DockerCredentials?
    package var resourceLimits: ResourceLimits
    package var pullPolicy: PullPolicy
    /// The port at which the container answers HTTP; `defaultPort` if nil.
    package var port: UInt16?
    /// Mounts in Docker's bind syntax, `host:container[:options]`. Drones refuse them unless they are configured to allow them.
    package var volumeMounts: [String]
    /// How the container is run, if not as the image says. An addition to 0.3.24, like all members below.
    package var process: ProcessOverride
    /// The directory that outlives the backend.
    package var dataMount: DataMount?
    /// A Docker network to use instead of the drone's usual one. Drones refuse all networks but those in `agent.docker.allowed_networks`.
    package var network: String?

    package static let defaultPort: UInt16 = 8080

    package init(
        image: String, env: [String: Secret] = [:], credentials: DockerCredentials? = nil,
        resourceLimits: ResourceLimits = ResourceLimits(), pullPolicy: PullPolicy = .ifNotPresent, port: UInt16? = nil,
        volumeMounts: [String] = [], process: ProcessOverride = ProcessOverride(), dataMount: DataMount? = nil, network: String? = nil
    ) {
        self.image = image
        self.env = env
        self.credentials = credentials
        self.resourceLimits = resourceLimits
        self.pullPolicy = pullPolicy
        self.port = port
        self.volumeMounts = volumeMounts
        self.process = process
        self.dataMount = dataMount
        self.network = network
    }
}

extension DockerExecutableConfig {
    /// The longest `NAME=value` in bytes: Linux accepts no longer string when it starts a program (`MAX_ARG_STRLEN`, with a zero at its end).
    private static let longestVariable = 128 * 1024 - 1
    /// The longest name of a network, in bytes.
    private static let maximumNetworkBytes = 255

    /// Whether the drone has to know the additions to 0.3.24.
    package var needsExtensions: Bool { self.process != ProcessOverride() || self.dataMount != nil || self.network != nil }

    /// Refuses values that would only fail when the container is started: a NUL in any string, and names of variables that are empty or contain `=`.
    package func checkStrings() throws(MessageError) {
        try MessageError.refuseNUL(in: self.image, at: "image")
        for (name, value) in self.env.sorted(by: { $0.key < $1.key }) {
            let step = MessageError.Step.key(name)
            guard !name.isEmpty, !name.utf8.contains(where: { $0 == 0 || $0 == UInt8(ascii: "=") }) else {
                throw MessageError(path: [.key("env"), step], expected: "a variable's name, without \"=\" and NUL", found: "another one")
            }
            guard !value.exposed.utf8.contains(0) else {
                throw MessageError(path: [.key("env"), step], expected: "text without NUL", found: "a NUL")
            }
            let length = name.utf8.count + 1 + value.exposed.utf8.count
            guard length <= Self.longestVariable else {
                throw MessageError(
                    path: [.key("env"), step], expected: "at most \(Self.longestVariable) bytes with its name", found: "\(length)")
            }
        }
        for (index, mount) in self.volumeMounts.enumerated() where mount.utf8.contains(0) {
            throw MessageError(path: [.key("volume_mounts"), .index(index)], expected: "text without NUL", found: "a NUL")
        }
        try self.process.check()
        if let network = self.network { try MessageError.refuseNUL(in: network, at: "network") }
        switch self.credentials {
        case .usernamePassword(let username, let password)?:
            try MessageError.refuseNUL(in: username, at: "credentials")
            try MessageError.refuseNUL(in: password.exposed, at: "credentials")
        case .identityToken(let token)?: try MessageError.refuseNUL(in: token.exposed, at: "credentials")
        case nil: break
        }
    }
}

extension MessageError {
    /// A NUL is refused because it ends a string in C: in Linux and in SQLite's functions.
    static func refuseNUL(in text: String, at key: String) throws(MessageError) {
        guard !text.utf8.contains(0) else { throw MessageError(path: [.key(key)], expected: "text without NUL", found: "a NUL") }
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
        self.process = try ProcessOverride(in: json)
        self.dataMount = try json.optional("data_mount")
        self.network = try json.optional("network", atMost: Self.maximumNetworkBytes)
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
            self.process.write(to: &$0)
            $0.fieldIfPresent("data_mount", self.dataMount)
            $0.fieldIfPresent("network", self.network)
        }
    }
}

/// When the agent pulls an image from its registry.
package enum PullPolicy: String, JSONText, CaseIterable, Codable {
    case ifNotPresent = "IfNotPresent"
    case always = "Always"
    case never = "Never"
}
