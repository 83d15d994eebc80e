/// Everything a container is created with. The defaults are the safe ones.
package struct ContainerSpec: Hashable, Sendable {
    package var image: ImageReference
    /// Arguments in place of the image's own; nil leaves those.
    package var command: [String]?
    /// May hold secrets; never printed.
    package var environment: [String: String]
    package var labels: [String: String]
    /// Docker's bind syntax, `host:container[:options]`. Gives the container a part of this machine: check before.
    package var binds: [String]
    /// Name of the Docker network to join; nil is Docker's default bridge.
    package var network: String?
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
