import PlaneClient
import PlaneProtocol

extension Diagnosis {
    /// What a person can do about it, with the commands of this program and the keys of the configuration; nil if nothing is wrong.
    func advice(for backend: BackendID) -> String? {
        if self.cause == .outOfMemory { return "Give it a higher memory limit (plane spawn --memory), or let it need less." }
        return switch self.state {
        case .errorLoading: self.loadingAdvice(for: backend)
        case .timedOutBeforeReady: self.timeoutAdvice
        case .errorStarting: self.mishapAdvice ?? "It ended while it started; what it printed: plane logs \(backend)"
        case .failed: self.failureAdvice(for: backend)
        case .lost: "Is its drone running, and connected to NATS? plane list-drones"
        case .loading, .starting: "Watch it go on: plane status -f \(backend)"
        case .ready, .exited, .swept, .terminated: nil
        }
    }

    private func loadingAdvice(for backend: BackendID) -> String {
        switch self.cause {
        case .imageMissing?: "Load the image on the drone, or spawn it with --pull-policy if-not-present."
        case .imageNotFound?, .pullDenied?: "Is the image's name right, and may this drone read it (--registry-user)?"
        case .pullRateLimited?:
            "Give credentials (--registry-user), for anonymous pulls are counted by address; or set up a mirror for the drone's Docker."
        case .pullQuotaExceeded?: "Ask whoever pays for the registry."
        case .registryUnresolved?: "Is the registry's name right, and does the drone's DNS know it?"
        case .registryUntrusted?: "Give the drone's Docker the registry's authority, in /etc/docker/certs.d."
        case .registryTimedOut?, .imagePullFailed?: "Does the drone reach the registry, by a proxy if it needs one?"
        case .registryFailed?: "Look at the registry, or try again later."
        case .diskFull?: "Free some space on the drone, for instance with docker image prune."
        case .engineUnavailable?: "Look at Docker on the drone; the image is not at fault. Then ask again."
        case .containerRefused?: self.refusalAdvice
        case .internalError?: "Look at the log of drone-agent on its drone; the image is not at fault."
        default: "Is the image's name right, may this drone read it (--registry-user), and does it reach the registry?"
        }
    }

    /// Decided by Docker's text, since it has no codes.
    private var refusalAdvice: String {
        let said = (self.message ?? "").lowercased()
        for (words, advice) in Self.refusals where words.contains(where: { Self.says($0, said) }) { return advice }
        return "Do its user and command (--user, --command, or the image's) exist, is it executable, and can the limits be set?"
    }

    /// Whether the sentence has all parts of the phrase, which an ellipsis separates, one behind the other.
    private static func says(_ phrase: String, _ sentence: String) -> Bool {
        var rest = sentence[...]
        for part in phrase.split(separator: "…") {
            guard let found = rest.firstRange(of: part) else { return false }
            rest = rest[found.upperBound...]
        }
        return true
    }

    private static let refusals: [(words: [String], advice: String)] = [
        (["labels of its image"], "Take labels out of the image: together they may have 1 MiB."),
        (["bind source path does not exist", "invalid mount", "mount…no such file"], "Make the directory that is to be mounted on the drone (--mount)."),
        (["minimum memory limit"], "Ask for more memory: containers need at least 6 MiB (--memory 6m)."),
        (["max_memory_mb", "max_cpu_percent", "max_disk_mb"], "Ask for less, or let the drone allow more: agent.docker.limits in its drone.toml."),
        (
            ["storage-opt", "storage opt", "pquota"],
            "This drone's Docker cannot limit disk space: leave --disk out, or give it overlay2 on XFS mounted with pquota."
        ),
        (["range of cpus", "nanocpus", "cpu-quota", "cpu cfs"], "Ask for fewer CPUs (--cpu) than the drone has."),
        (
            ["executable file not found", "no such file or directory", "exec format error", "no command specified"],
            "Look at --command, or else ENTRYPOINT and CMD of the image: the program, and the interpreter its first line names, must be in it, for this processor."
        ),
        (["chdir to cwd", "working directory"], "Let its user enter the directory that --workdir names, or WORKDIR of the image."),
        (["exec…permission denied"], "Make the program executable (chmod +x in the Dockerfile): that of --command, or else the image's."),
        (
            ["unable to find user", "unable to find group", "no matching entries in passwd"],
            "Create the user that --user names, or else USER of the image, in its Dockerfile."
        ),
        (["unknown or invalid runtime", "runtime name"], "Install that runtime on the drone, or change agent.docker.runtime."),
        (
            ["network…not found", "could not find…network", "no such network"],
            "Look at the network that agent.docker.network names (or --network): docker network inspect."
        ),
    ]

    private var timeoutAdvice: String {
        let slow = "If it only starts slowly, give it longer: --ready-timeout, or agent.ready_timeout_secs of drones."
        return switch self.cause {
        case .portNeverOpened?: "Let it listen on 0.0.0.0, not on localhost, and on the port of $PORT (--port). \(slow)"
        case .readinessTimeout?: "Does it speak HTTP on that port (--port, $PORT), in the clear? \(slow)"
        default: "Does it listen on all addresses, on the port it was spawned with (--port, $PORT)? \(slow)"
        }
    }

    private func failureAdvice(for backend: BackendID) -> String {
        if self.cause == .containerRefused, Self.says("labels of its image", (self.message ?? "").lowercased()) { return self.refusalAdvice }
        return self.mishapAdvice ?? "All that it printed: plane logs \(backend)"
    }

    /// Where its own program is not at fault; nil for other causes.
    private var mishapAdvice: String? {
        switch self.cause {
        case .vanished?: "Did somebody remove its container, or clean up Docker on its drone? It can be started anew."
        case .networkLost?: "Did somebody stop a container plane.sandbox-… on its drone? Those hold networks. It can be started anew."
        case .internalError?: "Look at the log of drone-agent on its drone; its program is not at fault."
        case .containerRefused?: "Look at the log of drone-agent on its drone: it says which label or limit of the image it does not take."
        default: nil
        }
    }
}
