import PlaneProtocol

/// Finds keys of a request that have no effect. Plane passes them over too; the answer names them, since a limit that is misspelt is none.
extension ConnectRequest {
    private static let ownKeys: Set<String> = ["key", "spawn_config", "user", "auth", "token"]
    private static let keyKeys: Set<String> = ["name", "namespace", "tag"]
    private static let tokenKeys: Set<String> = ["kind", "for", "lifetime_seconds"]
    private static let recipeKeys: Set<String> = [
        "id", "cluster", "pool", "executable", "lifetime_limit_seconds", "max_idle_seconds", "use_static_token", "subdomain",
    ]
    private static let executableKeys: Set<String> = ["image", "pull_policy", "credentials", "env", "resource_limits", "mount", "network_name"]
    private static let credentialKeys: Set<String> = ["username", "password"]

    static func ignoredKeys(in json: JSONNode) throws(MessageError) -> [String] {
        var unknown = UnknownKeys()
        unknown.look(in: json, besides: self.ownKeys)
        unknown.look(in: try json.member("key"), at: "key.", besides: self.keyKeys)
        unknown.look(in: try json.member("token"), at: "token.", besides: self.tokenKeys)
        guard let recipe = try json.member("spawn_config"), !recipe.isNull else { return unknown.found }
        unknown.look(in: recipe, at: "spawn_config.", besides: self.recipeKeys)
        let executable = try recipe.member("executable")
        unknown.look(in: executable, at: "spawn_config.executable.", besides: self.executableKeys)
        unknown.look(in: try executable?.member("credentials"), at: "spawn_config.executable.credentials.", besides: self.credentialKeys)
        unknown.look(in: try executable?.member("resource_limits"), at: "spawn_config.executable.resource_limits.", besides: ResourceLimits.keys)
        return unknown.found
    }
}
