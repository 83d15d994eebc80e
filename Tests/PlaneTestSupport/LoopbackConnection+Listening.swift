extension LoopbackConnection {
    /// Connects to a server that says it has started and listens a moment later.
    package static func whenListening(port: UInt16, patience: Duration = .seconds(60)) async throws -> LoopbackConnection {
        let deadline = ContinuousClock.now + patience
        while true {
            do {
                return try await LoopbackConnection(port: port)
            } catch {
                guard ContinuousClock.now < deadline else { throw error }
                await Task.yield()
            }
        }
    }
}
