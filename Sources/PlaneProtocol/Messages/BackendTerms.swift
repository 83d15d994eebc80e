/// What a request may say about a backend beside what 0.3.24 knows: the application tells the scheduler (M1), and that the drone (M2). Ours.
package struct BackendTerms: Hashable, Sendable {
    /// The drone ends the backend so long after it has taken it, whether anybody is connected or not.
    package var lifetimeLimit: WireSeconds?
    /// The drone does not end it for want of connections, whatever `max_idle_secs` says.
    package var hasNoIdleLimit: Bool
    /// What counts as ready, and by when.
    package var readiness: ReadinessTerms
    /// By which label a gateway's visitors ask for it.
    package var subdomain: Subdomain?
    /// Hash of the one token that all its visitors have in their path. A gateway whose streams were lost finds its route by it.
    package var staticTokenHash: TokenHash?

    /// For `max_idle_secs` where there is no idle limit, because the key is required: 100 years. It overflows no reader of 0.3.24.
    package static let endless: WireSeconds = 3_153_600_000

    package init(
        lifetimeLimit: WireSeconds? = nil, hasNoIdleLimit: Bool = false, readiness: ReadinessTerms = ReadinessTerms(), subdomain: Subdomain? = nil,
        staticTokenHash: TokenHash? = nil
    ) {
        self.lifetimeLimit = lifetimeLimit
        self.hasNoIdleLimit = hasNoIdleLimit
        self.readiness = readiness
        self.subdomain = subdomain
        self.staticTokenHash = staticTokenHash
    }

    /// Whether there is something in it that a drone has to do, which older ones pass over.
    package var needsDrone: Bool { self.lifetimeLimit != nil || self.hasNoIdleLimit || self.readiness != ReadinessTerms() }

    init(in json: JSONNode) throws(MessageError) {
        self.lifetimeLimit = try json.optional("lifetime_limit_secs")
        self.hasNoIdleLimit = try json.optional("no_idle_limit") ?? false
        self.readiness = try ReadinessTerms(in: json)
        self.subdomain = try json.optional("subdomain")
        self.staticTokenHash = try json.optional("static_token_sha256")
        guard self.lifetimeLimit?.rawValue != 0 else {
            throw MessageError(path: [.key("lifetime_limit_secs")], expected: "at least 1 s", found: "0")
        }
    }

    func write(to object: inout JSONWriter.Object) {
        object.fieldIfPresent("lifetime_limit_secs", self.lifetimeLimit)
        object.fieldIfPresent("no_idle_limit", self.hasNoIdleLimit ? true : nil)
        self.readiness.write(to: &object)
        object.fieldIfPresent("subdomain", self.subdomain)
        object.fieldIfPresent("static_token_sha256", self.staticTokenHash)
    }
}
