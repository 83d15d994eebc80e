/// Everything a container is created with. The defaults are the safe ones.
package struct ContainerSpec: Hashable, Sendable {
    package var image: ImageReference
    /// Replaces the image's entry point, and with it the image's command; nil keeps both.
    package var entrypoint: [String]?
    /// Replaces the image's arguments; nil keeps those.
    package var command: [String]?
    /// An absolute path; nil keeps the image's.
    package var workingDirectory: String?
    /// The user, as in `docker run --user`; nil keeps the image's.
    package var user: String?
    /// May contain secrets; never printed.
    package var environment: [String: String]
    package var labels: [String: String]
    /// Mounts in Docker's bind syntax, `host:container[:options]`. They give the container access to files of this machine, so they have to be checked
    /// before.
    package var binds: [String]
    /// Name of the Docker network to join; nil means Docker's default bridge.
    package var network: String?
    /// A running container whose network this one uses, instead of `network`: its interfaces, addresses, host name and resolver.
    package var networkOf: ContainerID?
    /// Name of the OCI runtime, such as `runsc`; nil means Docker's default.
    package var runtime: String?
    package var limits: ContainerLimits
    /// Whether the container gets all GPUs of the machine.
    package var hasAllGPUs = false
    /// nil leaves logging to the daemon's configuration.
    package var syslog: SyslogTarget?
    /// Only used without `syslog`. Nil leaves it to the daemon's configuration how much output is kept.
    package var logRotation: LogRotation?
    /// Whether a program in the container may gain rights through setuid and the like.
    package var mayGainPrivileges = false
    /// Linux capabilities removed from Docker's default set, such as `NET_RAW`; `ALL` removes all.
    package var droppedCapabilities: [String] = []
    /// Whether its whole file system is read-only.
    package var isReadOnly = false
    /// The signal that asks its first process to end, such as `SIGKILL`; nil means the image's, or SIGTERM.
    package var stopSignal: String?
    /// Whether the engine keeps its output; if not, the output is dropped.
    package var keepsOutput = true
    /// Its first process has an input, into which something can be written once (`DockerClient.feed`); without, it has /dev/null.
    package var readsInput = false

    package init(
        image: ImageReference, command: [String]? = nil, environment: [String: String] = [:], labels: [String: String] = [:],
        binds: [String] = [], network: String? = nil, runtime: String? = nil, limits: ContainerLimits = ContainerLimits()
    ) {
        self.image = image
        self.command = command
        self.environment = environment
        self.labels = labels
        self.binds = binds
        self.network = network
        self.runtime = runtime
        self.limits = limits
    }
}

extension ContainerSpec: CustomStringConvertible, CustomReflectable {
    package var description: String { "container of \(self.image)" }

    /// Shows the specification without the environment.
    package var customMirror: Mirror { Mirror(self, children: ["image": self.image, "labels": self.labels]) }
}

/// Where a container's output is sent in addition to Docker's own cache, as RFC 5424 messages.
package struct SyslogTarget: Hashable, Sendable {
    /// Such as `udp://10.0.0.5:514`, `tcp://…` or `unix:///dev/log`.
    package var address: String
    /// The name of the application in each message.
    package var tag: String

    package init(address: String, tag: String) {
        self.address = address
        self.tag = tag
    }
}

/// How much of a container's output the daemon keeps.
package struct LogRotation: Hashable, Sendable {
    /// The daemon's log driver, which has to be one that keeps files.
    package var driver: String
    package var bytes: Int64

    /// - Returns: nil if the daemon's driver sends the output elsewhere, or limits it by itself.
    package init?(driver: String, bytes: Int64) {
        guard ["json-file", "local"].contains(driver) else { return nil }
        self.driver = driver
        self.bytes = bytes
    }

    /// Two files: when the newer one is full the older one is deleted, so half of the bytes are always there.
    private static let fileCount: Int64 = 2

    var options: [String: String] { ["max-size": String(max(1, self.bytes / Self.fileCount)), "max-file": String(Self.fileCount)] }
}
