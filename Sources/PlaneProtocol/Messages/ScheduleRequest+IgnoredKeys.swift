/// Finds keys of a schedule request that have no effect. The answer names them, since they may be misspelt.
extension ScheduleRequest {
    private static let ownKeys: Set<String> = [
        "cluster", "backend_id", "max_idle_secs", "metadata", "executable", "require_bearer_token", "lock", "key", "pool", "lifetime_limit_secs",
        "no_idle_limit", "hold_idle_secs", "ready_timeout_secs", "ready_path", "ready_status", "subdomain", "static_token_sha256",
    ]
    private static let executableKeys: Set<String> = [
        "image", "env", "credentials", "resource_limits", "pull_policy", "port", "volume_mounts", "command", "args", "working_dir", "user", "labels",
        "data_mount", "network",
    ]
    private static let keyKeys: Set<String> = ["namespace", "name", "tag"]
    private static let mountKeys: Set<String> = ["namespace", "key", "path"]

    /// The unknown keys, at most as many as ``UnknownKeys`` has room for.
    static func ignoredKeys(in json: JSONNode) throws(MessageError) -> [String] {
        var unknown = UnknownKeys()
        unknown.look(in: json, besides: self.ownKeys)
        unknown.look(in: try json.member("key"), at: "key.", besides: self.keyKeys)
        let executable = try json.member("executable")
        unknown.look(in: executable, at: "executable.", besides: self.executableKeys)
        unknown.look(in: try executable?.member("resource_limits"), at: "executable.resource_limits.", besides: ResourceLimits.keys)
        unknown.look(in: try executable?.member("data_mount"), at: "executable.data_mount.", besides: self.mountKeys)
        return unknown.found
    }
}
