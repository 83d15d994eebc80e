import ArgumentParser
import PlaneProtocol

/// What is to be run, and how.
struct SpawnOptions: ParsableArguments {
    @Argument(help: ArgumentHelp("The cluster, such as plane.test: letters, digits, - and _ with dots between.", valueName: "cluster"))
    var cluster: ClusterName

    @Argument(help: ArgumentHelp("The image, as for docker run.", valueName: "image"))
    var image: String

    @Option(
        name: [.customLong("max-idle"), .customLong("timeout")],
        help: ArgumentHelp(
            "Stop the backend after this time without a connection, such as 90s, 5m or 2h. (--timeout is the name of 0.3.)", valueName: "time"))
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
        help: ArgumentHelp("Mount a directory of the drone, both by absolute paths; may be repeated.", valueName: "host:container"))
    var mount: [MountArgument] = []

    @Option(help: ArgumentHelp("Keep the files in /plane-data for the next backend with this name on the drone.", valueName: "name"))
    var data: String?

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("The program, in place of the image's; repeated, its arguments.", valueName: "word"))
    var command: [String] = []

    @Option(
        name: .customLong("arg"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp("An argument, in place of the image's; may be repeated.", valueName: "word"))
    var arguments: [String] = []

    @Option(name: .shortAndLong, help: ArgumentHelp("Run it in this directory of the container.", valueName: "path"))
    var workdir: String?

    @Option(name: .shortAndLong, help: ArgumentHelp("Run it as this user, as in docker run.", valueName: "user"))
    var user: String?

    @Option(help: ArgumentHelp("A label of the container; may be repeated.", valueName: "name=value"))
    var label: [LabelArgument] = []

    @Option(help: ArgumentHelp("A network of Docker's on the drone, which has to allow it.", valueName: "name"))
    var network: String?

    @Option(help: ArgumentHelp("Only drones of this pool (agent.pool).", valueName: "name"))
    var pool: PoolName?

    @Option(help: ArgumentHelp("End the backend after this time, whoever is connected.", valueName: "time"))
    var lifetime: DurationArgument?

    @Flag(name: .customLong("no-idle-limit"), help: "Do not stop the backend for want of connections.")
    var hasNoIdleLimit = false

    @Option(
        name: .customLong("hold-idle"),
        help: ArgumentHelp(
            "Freeze the backend after this time without traffic, until somebody sends something (default: as the drone is configured).", valueName: "time"))
    var holdIdle: DurationArgument?

    @Option(
        name: .customLong("ready-timeout"),
        help: ArgumentHelp("Time from the start to the first answer (default: the drone's, 30s).", valueName: "time"))
    var readyTimeout: DurationArgument?

    @Option(name: .customLong("ready-path"), help: ArgumentHelp("What is asked for until it answers (default: /).", valueName: "path"))
    var readyPath: String?

    @Option(name: .customLong("ready-status"), help: ArgumentHelp("The HTTP status that counts as ready (default: any).", valueName: "status"))
    var readyStatus: UInt16?

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

    @Option(
        name: .customLong("id"),
        help: ArgumentHelp("Backend id: lower-case letters, digits and inner hyphens (default: a random one).", valueName: "id"))
    var backendID: BackendID?

    private static let passwordVariable = "PLANE_REGISTRY_PASSWORD"

    mutating func validate() throws {
        guard !self.image.isEmpty else { throw ValidationError("The image must have a name.") }
        if self.port == 0 { throw ValidationError("The port must be from 1 to 65535.") }
    }

    /// - Parameters:
    ///   - backendID: used if none was given, so that a request without an answer can be looked up.
    ///   - environment: this process's, for values that are not on the command line.
    func request(backendID: BackendID, environment: [String: String]) throws(CommandError) -> ScheduleRequest {
        var variables: [String: Secret] = [:]
        for variable in self.environment {
            guard let value = variable.value ?? environment[variable.name].map({ Secret($0) }) else {
                throw CommandError(
                    .usage, "The variable \(variable.name) is not set here.", advice: "Write -e \(variable.name)=VALUE, or export it.")
            }
            variables[variable.name] = value
        }
        let password = environment[Self.passwordVariable]
        guard self.registryUser == nil || password != nil else {
            throw CommandError(
                .usage, "There is no password for the registry.", advice: "Export it as \(Self.passwordVariable).")
        }
        let request = ScheduleRequest(
            cluster: self.cluster,
            backendID: self.backendID ?? backendID,
            maxIdle: self.hasNoIdleLimit ? BackendTerms.endless : WireSeconds(rawValue: self.maxIdle.seconds),
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
                pullPolicy: self.pullPolicy, port: self.port, volumeMounts: self.mount.map(\.bind), process: self.process,
                dataMount: self.data.map { .key(namespace: "", name: $0) }, network: self.network),
            requireBearerToken: self.bearerToken,
            lock: self.lock, pool: self.pool ?? .unnamed, terms: self.terms)
        do throws(MessageError) {
            // A scheduler would refuse it for the same reason; so nobody has to be there to be told.
            _ = try WireCodec.decode(ScheduleRequest.self, from: WireCodec.encode(request))
        } catch {
            throw CommandError(.usage, "Such a request would be refused: \(error).", advice: "For example: \(UsageHint.examples["spawn"] ?? "")")
        }
        return request
    }

    private var process: ProcessOverride {
        ProcessOverride(
            command: self.command.isEmpty ? nil : self.command, args: self.arguments.isEmpty ? nil : self.arguments, workingDirectory: self.workdir,
            user: self.user, labels: Dictionary(self.label.map { ($0.name, $0.value) }) { $1 })
    }

    private var terms: BackendTerms {
        BackendTerms(
            lifetimeLimit: self.lifetime.map { WireSeconds(rawValue: $0.seconds) }, hasNoIdleLimit: self.hasNoIdleLimit,
            holdIdle: self.holdIdle.map { WireSeconds(rawValue: $0.seconds) },
            readiness: ReadinessTerms(
                timeout: self.readyTimeout.map { WireSeconds(rawValue: $0.seconds) }, path: self.readyPath, status: self.readyStatus))
    }
}
