package import PlaneProtocol

/// The schedule request that is made from a recipe.
package struct SpawnPlan: Hashable, Sendable {
    package var request: ScheduleRequest
    /// The one token for all visitors, if the recipe asks for one.
    package var staticToken: VisitorToken?

    /// The requester's name where the caller has none.
    private static let requester = "gateway"

    /// - Parameters:
    ///   - key: the key in the request, or one made up for it.
    ///   - staticToken: made if the recipe uses one.
    package init(
        _ recipe: SpawnConfig, backend: BackendID, key: BackendKey, in cluster: ClusterName, staticToken: VisitorToken?, requestedBy requester: String?
    ) {
        var env = recipe.executable.env
        env["SESSION_BACKEND_ID"] = Secret(backend.rawValue)
        env["SESSION_BACKEND_KEY"] = Secret(key.name)
        if let staticToken { env["SESSION_BACKEND_STATIC_TOKEN"] = staticToken.text }
        env["PORT"] = Secret("\(DockerExecutableConfig.defaultPort)")
        var executable = DockerExecutableConfig(
            image: recipe.executable.image, env: env, credentials: recipe.executable.credentials, resourceLimits: recipe.executable.resourceLimits,
            pullPolicy: recipe.executable.pullPolicy)
        executable.network = recipe.executable.network
        switch recipe.executable.mount {
        case .ofKey?: executable.dataMount = .key(namespace: key.namespace, name: key.name)
        case .path(let path)?: executable.dataMount = .path(path)
        case nil: break
        }
        var request = ScheduleRequest(
            cluster: cluster, backendID: backend, maxIdle: recipe.maxIdle ?? BackendTerms.endless,
            metadata: [ScheduleRequest.requestedByKey: requester ?? Self.requester], executable: executable, requireBearerToken: true, lock: key.lock)
        request.key = key
        request.pool = recipe.pool
        request.terms = BackendTerms(
            lifetimeLimit: recipe.lifetimeLimit, hasNoIdleLimit: recipe.maxIdle == nil, subdomain: recipe.subdomain,
            staticTokenHash: staticToken?.hash)
        self.request = request
        self.staticToken = staticToken
    }
}
