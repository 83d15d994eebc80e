/// What a request may say about a backend beyond 0.3.24. The application tells the scheduler (M1), and that tells the drone (M2).
package struct BackendTerms: Hashable, Sendable {
    /// How long after accepting it the drone ends the backend, whether or not anybody is connected.
    package var lifetimeLimit: WireSeconds?
    /// Whether the drone never ends the backend for being idle, whatever `max_idle_secs` says.
    package var hasNoIdleLimit: Bool
    /// How long there is no traffic until the drone freezes the backend's container, until somebody sends something; nil leaves that to the drone.
    package var holdIdle: WireSeconds?
    /// When the backend counts as ready, and how long it may take.
    package var readiness: ReadinessTerms
    /// The label with which a gateway's visitors ask for the backend.
    package var subdomain: Subdomain?
    /// Hash of the one token that all visitors have in their path. A gateway whose streams were lost finds the backend by it.
    package var staticTokenHash: TokenHash?

    /// The value of `max_idle_secs` if there is no idle limit, since the key is required: 100 years, which overflows nothing in 0.3.24.
    package static let endless: WireSeconds = 3_153_600_000

    package init(
        lifetimeLimit: WireSeconds? = nil, hasNoIdleLimit: Bool = false, holdIdle: WireSeconds? = nil, readiness: ReadinessTerms = ReadinessTerms(),
        subdomain: Subdomain? = nil, staticTokenHash: TokenHash? = nil
    ) {
        self.lifetimeLimit = lifetimeLimit
        self.hasNoIdleLimit = hasNoIdleLimit
        self.holdIdle = holdIdle
        self.readiness = readiness
        self.subdomain = subdomain
        self.staticTokenHash = staticTokenHash
    }

    /// Whether a drone has to know these additions; older drones would ignore them. To be frozen is no need: a drone that does not do it serves as well, with
    /// more memory.
    package var needsDrone: Bool { self.lifetimeLimit != nil || self.hasNoIdleLimit || self.readiness != ReadinessTerms() }

    init(in json: JSONNode) throws(MessageError) {
        self.lifetimeLimit = try json.optional("lifetime_limit_secs")
        self.hasNoIdleLimit = try json.optional("no_idle_limit") ?? false
        self.holdIdle = try json.optional("hold_idle_secs")
        self.readiness = try ReadinessTerms(in: json)
        self.subdomain = try json.optional("subdomain")
        self.staticTokenHash = try json.optional("static_token_sha256")
        for (key, value) in [("lifetime_limit_secs", self.lifetimeLimit), ("hold_idle_secs", self.holdIdle)] where value?.rawValue == 0 {
            throw MessageError(path: [.key(key)], expected: "at least 1 s", found: "0")
        }
    }

    func write(to object: inout JSONWriter.Object) {
        object.fieldIfPresent("lifetime_limit_secs", self.lifetimeLimit)
        object.fieldIfPresent("no_idle_limit", self.hasNoIdleLimit ? true : nil)
        object.fieldIfPresent("hold_idle_secs", self.holdIdle)
        self.readiness.write(to: &object)
        object.fieldIfPresent("subdomain", self.subdomain)
        object.fieldIfPresent("static_token_sha256", self.staticTokenHash)
    }
}
