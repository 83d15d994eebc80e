import GatewayCore
import LogKeys
import Logging
import NATS
import PlaneProtocol
import PlaneService

/// Reads and claims the homes of keys in the stream `plane_keys`.
struct KeyHomes: Sendable {
    let jetStream: JetStream
    let logger: Logger

    private static let limit: Duration = .seconds(4)

    func read(_ lock: LockName) async throws(GatewayError) -> StoredHome? {
        do throws(NATSError) {
            guard let message = try await self.jetStream.lastMessage(stream: KeyHome.stream, subject: KeyHome.subject(of: lock)),
                let home = message.decoded(KeyHome.self, self.logger)
            else { return nil }
            return StoredHome(home: home, sequence: message.sequence, age: max(StateTime.now().since(WireTime(message.published).stateTime), .zero))
        } catch {
            throw .unavailable("\(error)")
        }
    }

    /// - Parameter expecting: sequence of the subject's last message; 0 for none.
    /// - Returns: whether the home is ours; false if somebody else was faster.
    func claim(_ lock: LockName, for cluster: ClusterName, expecting: UInt64, limit: Duration) async throws(GatewayError) -> Bool {
        let home = KeyHome(lock: lock, cluster: cluster, time: .now())
        do throws(NATSError) {
            _ = try await self.jetStream.publish(
                WireCodec.encode(home), to: home.subject, expectedLastSubjectSequence: expecting, timeout: min(Self.limit, limit))
            return true
        } catch {
            guard error.code == .wrongLastSequence || error.code == .sequenceBusy else { throw .unavailable("\(error)") }
            return false
        }
    }
}
