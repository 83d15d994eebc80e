package import PlaneProtocol

/// One process of a proxy of the tier. A proxy that is being replaced has two for as long as the former one has requests open.
package struct TierProcess: Hashable, Sendable {
    package var cluster: ClusterName
    package var proxy: ProxyID
    /// nil where a former version tells no processes apart.
    package var number: UInt64?

    package init(_ status: ProxyStatusMessage) {
        (self.cluster, self.proxy, self.number) = (status.cluster, status.proxy, status.process)
    }

    package init(_ report: ProxyRevocationReport) {
        (self.cluster, self.proxy, self.number) = (report.cluster, report.proxy, report.process)
    }

    /// What its operator calls it, with all of its processes.
    package var name: TierProxyName { TierProxyName(cluster: self.cluster, proxy: self.proxy) }
}

/// One proxy of the tier, as it serves one cluster.
package struct TierProxyName: Hashable, Sendable {
    package var cluster: ClusterName
    package var proxy: ProxyID
}
