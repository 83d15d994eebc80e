package import PlaneProtocol

/// What a backend is to run, in the terms of Plane 0.5 (`spawn_config.executable`).
package struct ExecutableRequest: Hashable, Sendable {
    package enum Mount: Hashable, Sendable {
        /// The directory of the backend's key.
        case ofKey
        /// A directory named by a path below the drone's base.
        case path(String)
    }

    package var image: String
    package var pullPolicy = PullPolicy.ifNotPresent
    package var credentials: DockerCredentials?
    package var env: [String: Secret] = [:]
    package var resourceLimits = ResourceLimits()
    package var mount: Mount?
    package var network: String?

    /// The longest name of an image or network, in bytes; engines accept less.
    private static let maximumNameBytes = 1024

    package init(image: String) { self.image = image }
}

extension ExecutableRequest: JSONDecodable {
    package init(json: JSONNode) throws(MessageError) {
        self.image = try json.required("image")
        guard (1...Self.maximumNameBytes).contains(self.image.utf8.count), self.image.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
            throw MessageError(
                path: [.key("image")], expected: "an image's name of 1 to \(Self.maximumNameBytes) bytes without spaces and control characters",
                found: "another text")
        }
        self.pullPolicy = try json.optional("pull_policy") ?? .ifNotPresent
        self.credentials = try json.optional("credentials", as: Login.self).map { .usernamePassword(username: $0.username, password: $0.password) }
        self.env = try json.value("env", default: [:])
        self.resourceLimits = try json.value("resource_limits", default: ResourceLimits())
        for (key, value) in [("memory_limit_bytes", self.resourceLimits.memoryLimitBytes), ("disk_limit_bytes", self.resourceLimits.diskLimitBytes)] {
            if let value, value < 0 {
                throw MessageError(path: [.key("resource_limits"), .key(key)], expected: "a number of bytes from 0", found: "\(value)")
            }
        }
        self.mount = try json.optional("mount", as: MountDocument.self)?.mount
        self.network = try json.optional("network_name")
        if let network = self.network,
            !(1...Self.maximumNameBytes).contains(network.utf8.count) || !network.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") })
        {
            throw MessageError(path: [.key("network_name")], expected: "a network's name of printable ASCII without space and colon", found: "another text")
        }
        try DockerExecutableConfig(image: self.image, env: self.env, credentials: self.credentials).checkStrings()
    }

    private struct Login: JSONDecodable {
        let username: String
        let password: Secret

        init(json: JSONNode) throws(MessageError) {
            self.username = try json.required("username")
            self.password = try json.required("password")
        }
    }

    /// The value of `mount`: `true`, `false` or a relative path.
    private struct MountDocument: JSONDecodable {
        let mount: Mount?

        static var expectation: String { "true, false, or a path of names of letters, digits, _, - and inner ." }

        init(json: JSONNode) throws(MessageError) {
            if let flag = try? json.bool() {
                self.mount = flag ? .ofKey : nil
                return
            }
            guard let path = try? json.string(), DataMount.path(path).directories != nil else {
                throw MessageError(expected: Self.expectation, found: "something else")
            }
            self.mount = .path(path)
        }
    }
}
