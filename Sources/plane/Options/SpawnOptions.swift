import ArgumentParser
import PlaneProtocol

/// What is to be run, and how.
struct SpawnOptions: ParsableArguments {
    @Argument(help: ArgumentHelp("The cluster, such as plane.test.", valueName: "cluster"))
    var cluster: ClusterName

    @Argument(help: ArgumentHelp("The image, as for docker run.", valueName: "image"))
    var image: String

    @Option(
        name: [.customLong("max-idle"), .customLong("timeout")],
        help: ArgumentHelp("Stop the backend after this time without a connection, such as 90s, 5m or 2h.", valueName: "time"))
    var maxIdle = DurationArgument(seconds: 300)

    @Option(name: .shortAndLong, help: ArgumentHelp("The container's HTTP port (default: 8080).", valueName: "port"))
    var port: UInt16?

    @Option(
        name: [.customShort("e"), .customLong("env")],
        help: ArgumentHelp("An environment variable of the container, by default with our own value; may be repeated.", valueName: "name[=value]"))
    var environment: [EnvironmentArgument] = []

    @Option(help: ArgumentHelp("Return the backend that holds this lock, if there is one.", valueName: "text"))
    var lock: LockName?

    @Option(
        help: ArgumentHelp("Mount a directory of the drone; may be repeated.", valueName: "host:container"))
    var mount: [MountArgument] = []

    @Flag(name: .customLong("bearer-token"), help: "Let the proxy ask visitors for a token, which is printed.")
    var bearerToken = false

    @Option(name: .customLong("pull-policy"), help: "When to ask the registry for the image.")
    var pullPolicy: PullPolicy = .ifNotPresent

    @Option(help: ArgumentHelp("Memory limit, such as 256m or 1g.", valueName: "size"))
    var memory: ByteCount?

    @Option(help: ArgumentHelp("CPU limit in CPUs, such as 0.5; at most 2.55.", valueName: "cpus"))
    var cpu: CPUShare?

    @Option(help: ArgumentHelp("Disk limit, such as 10g; needs support of the drone's storage.", valueName: "size"))
    var disk: ByteCount?

    @Option(
        name: .customLong("registry-user"),
        help: ArgumentHelp(
            "User at the image's registry; the password is read from PLANE_REGISTRY_PASSWORD.", valueName: "name"))
    var registryUser: String?

    @Option(name: .customLong("id"), help: ArgumentHelp("Backend id (default: a random one).", valueName: "id"))
    var backendID: BackendID?

    private static let passwordVariable = "PLANE_REGISTRY_PASSWORD"

    mutating func validate() throws {
        guard !self.image.isEmpty else { throw ValidationError("The image must have a name.") }
        if self.port == 0 { throw ValidationError("The port must be from 1 to 65535.") }
    }

    /// - Parameters:
    ///   - backendID: used where none was given, so that a request without an answer can be looked up.
    ///   - environment: our own, for what is not on the command line.
    func request(backendID: BackendID, environment: [String: String]) throws(CommandFailure) -> ScheduleRequest {
        var variables: [String: Secret] = [:]
        for variable in self.environment {
            guard let value = variable.value ?? environment[variable.name].map({ Secret($0) }) else {
                throw CommandFailure(
                    .usage, "The variable \(variable.name) is not set here.", advice: "Write -e \(variable.name)=VALUE, or export it.")
            }
            variables[variable.name] = value
        }
        let password = environment[Self.passwordVariable]
        guard self.registryUser == nil || password != nil else {
            throw CommandFailure(
                .usage, "There is no password for the registry.", advice: "Export it as \(Self.passwordVariable).")
        }
        return ScheduleRequest(
            cluster: self.cluster,
            backendID: self.backendID ?? backendID,
            maxIdle: WireSeconds(rawValue: self.maxIdle.seconds),
            metadata: [ScheduleRequest.requestedByKey: Requester.name(environment)],
            executable: DockerExecutableConfig(
                image: self.image,
                env: variables,
                credentials: self.registryUser.map {
                    .usernamePassword(username: $0, password: Secret(password ?? ""))
                },
                resourceLimits: ResourceLimits(
                    cpuPeriodPercent: self.cpu?.percent, memoryLimitBytes: self.memory?.bytes,
                    diskLimitBytes: self.disk?.bytes),
                pullPolicy: self.pullPolicy, port: self.port, volumeMounts: self.mount.map(\.bind)),
            requireBearerToken: self.bearerToken,
            lock: self.lock)
    }
}
