/// Finds keys of a schedule request that have no effect. The answer names them, since they may be misspelt.
extension ScheduleRequest {
    /// How many keys are named at most, and how many characters of each: enough to find a mistake.
    private static let (mostIgnoredKeys, longestIgnoredKey) = (16, 80)

    private static let ownKeys: Set<String> = [
        "cluster", "backend_id", "max_idle_secs", "metadata", "executable", "require_bearer_token", "lock", "key", "pool", "lifetime_limit_secs",
        "no_idle_limit", "hold_idle_secs", "ready_timeout_secs", "ready_path", "ready_status", "subdomain", "static_token_sha256",
    ]
    private static let executableKeys: Set<String> = [
        "image", "env", "credentials", "resource_limits", "pull_policy", "port", "volume_mounts", "command", "args", "working_dir", "user", "labels",
        "data_mount", "network",
    ]
    private static let limitKeys: Set<String> = [
        "cpu_period", "cpu_period_percent", "cpu_time_limit", "memory_limit_bytes", "disk_limit_bytes",
    ]
    private static let keyKeys: Set<String> = ["namespace", "name", "tag"]
    private static let mountKeys: Set<String> = ["namespace", "key", "path"]

    /// The unknown keys in the order of the message, with the keys they are inside of: `executable.resource_limits.memory`.
    static func ignoredKeys(in json: JSONNode) throws(MessageError) -> [String] {
        var found: [String] = []
        try self.collect(in: json, at: "", besides: self.ownKeys, &found)
        try self.collect(in: json.member("key"), at: "key.", besides: self.keyKeys, &found)
        let executable = try json.member("executable")
        try self.collect(in: executable, at: "executable.", besides: self.executableKeys, &found)
        let limits = try executable?.member("resource_limits")
        try self.collect(in: limits, at: "executable.resource_limits.", besides: self.limitKeys, &found)
        try self.collect(in: executable?.member("data_mount"), at: "executable.data_mount.", besides: self.mountKeys, &found)
        return found
    }

    private static func collect(in json: JSONNode?, at place: String, besides known: Set<String>, _ found: inout [String]) throws(MessageError) {
        guard let json, !json.isNull else { return }
        for (key, _) in try json.members() where !known.contains(key) {
            guard found.count < self.mostIgnoredKeys else { return }
            found.append(place + MessageError.visible(key, atMost: self.longestIgnoredKey))
        }
    }
}
