package import PlaneProtocol

extension PlaneClient {
    /// What the proxies of the tier say of themselves, each the last that it has said; in the order of their clusters and ids.
    ///
    /// - Parameter limit: How long to listen: each says something every 10 s.
    package func tierProxies(limit: Duration = .seconds(11)) async throws(PlaneError) -> [ProxyStatusMessage] {
        let messages = try self.published(ProxyStatusMessage.self, on: ProxyStatusMessage.subscription)
        let heard = await withTaskGroup(of: [ProxyStatusMessage].self) { group in
            group.addTask {
                var heard: [String: ProxyStatusMessage] = [:]
                for await message in messages where heard.count < Self.mostProxies || heard[message.subject] != nil { heard[message.subject] = message }
                return Array(heard.values)
            }
            group.addTask {
                // Cancelled meanwhile, what was heard until then counts.
                try? await Task.sleep(for: limit)
                return []
            }
            var all = await group.next() ?? []
            group.cancelAll()
            for await others in group { all += others }
            return all
        }
        return heard.sorted { ($0.cluster.rawValue, $0.proxy.rawValue) < ($1.cluster.rawValue, $1.proxy.rawValue) }
    }

    private static let mostProxies = 10_000
}
