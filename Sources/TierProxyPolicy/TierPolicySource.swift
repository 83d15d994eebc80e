import NIOCore
package import ProxyCore

/// The policies of a proxy of the tier, all of which use one directory.
package struct TierPolicySource: ProxyPolicySource {
    private let options: TierProxyOptions
    private let directory: TierDirectory

    package init(_ options: TierProxyOptions, directory: TierDirectory) {
        self.options = options
        self.directory = directory
    }

    package func makePolicy(for host: PolicyHost) -> any ProxyPolicy {
        let policy = TierPolicy(self.options, directory: self.directory, host: host)
        let loop = host.eventLoop
        let bound = NIOLoopBound(policy, eventLoop: loop)
        self.directory.listen { change in
            loop.execute { bound.value.changed(change) }
        }
        policy.startTellingUse()
        return policy
    }

    package func shutDown() async throws {}
}
