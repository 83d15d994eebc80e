/// Everything a container is created with. The defaults are the safe ones.
package struct ContainerSpec: Hashable, Sendable {
    package var image: ImageReference
    /// In place of the image's entry point, whose command then does not count either; nil leaves both.
    package var entrypoint: [String]?
    /// Arguments in place of the image's own; nil leaves those.
    package var command: [String]?
    /// An absolute path; nil leaves the image's.
    package var workingDirectory: String?
    /// As in `docker run --user`; nil leaves the image's.
    package var user: String?
    /// May hold secrets; never printed.
    package var environment: [String: String]
    package var labels: [String: String]
    /// Docker's bind syntax, `host:container[:options]`. Gives the container a part of this machine: check before.
    package var binds: [String]
    /// Name of the Docker network to join; nil is Docker's default bridge.
    package var network: String?
    /// A running container whose network this one uses as its own, in place of `network`: its interfaces, addresses, host name and resolver.
    package var networkOf: ContainerID?
    /// Name of the OCI runtime, such as `runsc`; nil is Docker's default.
    package var runtime: String?
    package var limits: ContainerLimits
    /// All GPUs of the machine.
    package var hasAllGPUs = false
    /// nil leaves logging to the daemon's configuration.
    package var syslog: SyslogTarget?
    /// Without `syslog`: nil leaves it to the daemon's configuration how much is kept.
    package var logRotation: LogRotation?
    /// Whether a program in the container may gain rights through setuid and the like.
    package var mayGainPrivileges = false
    /// Linux capabilities taken from Docker's default set, such as `NET_RAW`; `ALL` takes them all.
    package var droppedCapabilities: [String] = []
    /// Nothing of its file system can be written.
    package var isReadOnly = false
    /// What asks its first process to end, such as `SIGKILL`; nil is the image's, or SIGTERM.
    package var stopSignal: String?
    /// Whether the engine has what it prints; without, that goes nowhere at all.
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

    /// Without the environment.
    package var customMirror: Mirror { Mirror(self, children: ["image": self.image, "labels": self.labels]) }
}

/// Where a container's output goes besides Docker's own cache of it, as RFC 5424 messages.
package struct SyslogTarget: Hashable, Sendable {
    /// `udp://10.0.0.5:514`, `tcp://…`, `unix:///dev/log`
    package var address: String
    /// The application's name in each message.
    package var tag: String

    package init(address: String, tag: String) {
        self.address = address
        self.tag = tag
    }
}

/// How much of a container's output the daemon keeps.
package struct LogRotation: Hashable, Sendable {
    /// The daemon's driver, which has to be one that keeps files.
    package var driver: String
    package var bytes: Int64

    /// - Returns: nil where the daemon's driver sends the output elsewhere, or bounds it by means of its own.
    package init?(driver: String, bytes: Int64) {
        guard ["json-file", "local"].contains(driver) else { return nil }
        self.driver = driver
        self.bytes = bytes
    }

    /// Two files: when the newer is full the older is dropped, so that half of the bytes are always there.
    private static let fileCount: Int64 = 2

    var options: [String: String] { ["max-size": String(max(1, self.bytes / Self.fileCount)), "max-file": String(Self.fileCount)] }
}
