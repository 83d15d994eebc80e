package import ConfigurationReading

/// How the agent runs containers (table `agent.docker`).
package struct DockerConfiguration: Hashable, Sendable {
    package enum Connection: Hashable, Sendable {
        case socket(path: String)
        /// The URL of a daemon that listens on TCP, such as `http://host:port`.
        case http(url: String)
    }

    package var connection: Connection = .socket(path: "/var/run/docker.sock")
    /// Container runtime such as `runsc`. Nil means Docker's default or, where sandboxes are used, the fastest that works.
    package var runtime: String?
    /// Network that the containers join; nil means Docker's default.
    package var network: String?
    package var isolation = ContainerIsolation()
    /// Networks that a request may choose instead.
    package var allowedNetworks: [String] = []
    /// Gives all GPUs to every backend, which may let one read the memory of others.
    package var insecureGPU = false
    /// Whether requests may mount directories of the host. Then whoever may schedule has the rights of root on the drone.
    package var allowVolumeMounts = false
    /// Where Docker sends the containers' logs in addition, such as `udp://127.0.0.1:514`; NATS gets them in any case.
    package var syslog: String?
    package var privileges = ContainerPrivileges()
    package var limits = ContainerLimitsConfiguration()

    package init() {}
}

extension DockerConfiguration: ConfigReadable {
    package init?(_ reader: inout ConfigReader) {
        self.init()
        self.connection = reader.table("connection") { Connection(&$0) } ?? self.connection
        self.runtime = reader.optional(
            "runtime", .string,
            "Container runtime, such as runsc; if not set, crun where Docker knows it and it works (agent.sandboxes), otherwise Docker's default.")
        self.network = reader.optional("network", .string, "Docker network that backends join; Docker's default if not set.")
        self.isolation.read(&reader, network: self.network)
        reader.read(
            "allowed_networks", .allowedNetworks, into: &self.allowedNetworks,
            "Docker networks that a request may choose in place of that one; none if not set. isolate keeps watch over its own network only.")
        reader.read("insecure_gpu", .boolean, into: &self.insecureGPU, "Give every backend all GPUs. Backends can then read each other's GPU memory.")
        reader.read(
            "allow_volume_mounts", .boolean, into: &self.allowVolumeMounts,
            "Let requests mount host directories. Whoever may schedule backends is then root on this drone.")
        self.privileges.read(&reader)
        self.limits = reader.section("limits") { ContainerLimitsConfiguration(&$0) } ?? self.limits
        self.syslog = reader.optional("syslog", .string, "Syslog address for the containers' output, such as udp://127.0.0.1:514.")
    }
}

extension DockerConfiguration.Connection: ConfigReadable {
    package init?(_ reader: inout ConfigReader) {
        let socket = reader.optional("socket", .path, "Unix socket of the Docker Engine; /var/run/docker.sock if neither is set.")
        let url = reader.optional("http", .httpURL, "In place of the socket: URL of the Docker Engine.")
        switch (socket, url) {
        case (let socket?, nil): self = .socket(path: socket)
        case (nil, let url?): self = .http(url: url)
        case (_?, _?):
            reader.mistake("http", found: "it beside socket", expectation: "one of the two")
            return nil
        case (nil, nil):
            if !reader.has("socket"), !reader.has("http") {
                reader.missing("socket", expectation: "either socket or http")
            }
            return nil
        }
    }
}
