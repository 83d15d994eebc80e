package import ConfigurationReading

/// How the agent runs containers (table `agent.docker`).
package struct DockerConfiguration: Hashable, Sendable {
    package enum Connection: Hashable, Sendable {
        case socket(path: String)
        /// `http://host:port`
        case http(url: String)
    }

    package var connection: Connection = .socket(path: "/var/run/docker.sock")
    /// Container runtime such as `runsc`; if nil, Docker's default, or with sandboxes the fastest that works.
    package var runtime: String?
    /// Network the containers join; Docker's default if nil.
    package var network: String?
    package var isolation = ContainerIsolation()
    /// Networks that a request may choose in place of that one.
    package var allowedNetworks: [String] = []
    /// Gives every backend all GPUs, and with them a way to the memory of other backends.
    package var insecureGPU = false
    /// Lets requests mount directories of the host, so whoever may schedule is root on the drone.
    package var allowVolumeMounts = false
    /// Where the containers' logs go besides NATS, such as `udp://127.0.0.1:514`.
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
