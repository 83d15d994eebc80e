package import PlaneProtocol

extension PlaneClient {
    /// What the proxies of the tier say of themselves, each the last that it has said, all processes of a proxy together; in the order of their clusters and ids.
    ///
    /// - Parameter limit: How long to listen: each says something every 10 s.
    package func tierProxies(limit: Duration = .seconds(11)) async throws(PlaneError) -> [ProxyStatusMessage] {
        let messages = try self.published(ProxyStatusMessage.self, on: ProxyStatusMessage.subscription)
        let heard = await withTaskGroup(of: TierProxies?.self) { group in
            group.addTask {
                var heard = TierProxies()
                for await message in messages { heard.hear(message, at: .now) }
                return heard
            }
            group.addTask {
                // Cancelled meanwhile, what was heard until then counts.
                try? await Task.sleep(for: limit)
                return nil
            }
            var heard = await group.next() ?? nil
            group.cancelAll()
            for await rest in group { heard = rest ?? heard }
            return heard ?? TierProxies()
        }
        return heard.proxies(at: .now).map(\.status)
    }
}
