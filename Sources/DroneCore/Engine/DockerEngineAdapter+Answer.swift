import DockerEngine
package import PlaneProtocol
import Timing

extension DockerEngineAdapter {
    /// A healthy engine answers a ping within milliseconds; whoever asks waits for ten seconds in all.
    private static let answerLimit: Duration = .seconds(3)

    /// Asks the engine for a sign of life, which costs it nothing.
    package func answer() async -> OpenConnections.EngineAnswer {
        let client = self.client
        let answer = await withTimeLimit(Self.answerLimit) { () async -> OpenConnections.EngineAnswer in
            do throws(EngineError) {
                try await client.ping()
                return .answered
            } catch {
                return .failed(reason: BackendEngineError(error).message)
            }
        }
        return answer ?? .failed(reason: "no answer within \(Self.answerLimit.components.seconds) s")
    }
}
