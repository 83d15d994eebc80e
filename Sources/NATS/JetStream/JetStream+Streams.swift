import FoundationEssentials
import Logging

/// Streams as a whole.
extension JetStream {
    package func streamInfo(_ name: String) async throws(NATSError) -> StreamInfo {
        let name = try Self.checked(name, attempt: "STREAM.INFO")
        return try await self.call("STREAM.INFO.\(name)", answer: StreamInfo.self)
    }

    /// Makes the stream exist. One that exists is left as it is, whatever its configuration: an operator may have changed
    /// it, and another process may need it so.
    ///
    /// A single server has no replicas (error 10074), and a cluster may have too few servers at the moment (10005):
    /// then the stream is created with fewer, so that the system starts.
    package func ensureStream(_ configuration: StreamConfiguration) async throws(NATSError) -> StreamInfo {
        do {
            return try await self.streamInfo(configuration.name)
        } catch where error.code == .streamNotFound {
            // Created below.
        }
        var configuration = configuration
        while true {
            do {
                return try await self.create(configuration)
            } catch where error.apiErrorCode == JetStreamAnswer.ErrorCode.streamNameExists {
                return try await self.streamInfo(configuration.name)  // Another process was faster.
            } catch where configuration.replicas > 1 && Self.meansFewerReplicas(error) {
                let fits = error.apiErrorCode == JetStreamAnswer.ErrorCode.replicasNotSupported ? 1 : configuration.replicas - 1
                self.connection.logger.warning(
                    "stream gets fewer replicas than configured",
                    metadata: [
                        NATSLogKey.stream: "\(configuration.name)", NATSLogKey.replicas: "\(fits)",
                        NATSLogKey.error: "\(error)",
                    ])
                configuration.replicas = fits
            }
        }
    }

    /// Deletes the messages of a subject, which may have wildcards, and says how many they were.
    package func purge(stream: String, subject: String) async throws(NATSError) -> UInt64 {
        struct Body: Encodable { var filter: String }
        struct Answer: Decodable { var purged: UInt64 }
        let stream = try Self.checked(stream, attempt: "STREAM.PURGE")
        let body = try Self.encode(Body(filter: subject), attempt: "STREAM.PURGE.\(stream)")
        return try await self.call("STREAM.PURGE.\(stream)", body: body, answer: Answer.self).purged
    }

    /// The newest message of a subject, or nil.
    package func lastMessage(stream: String, subject: String) async throws(NATSError) -> StreamMessage? {
        struct Body: Encodable { var last_by_subj: String }
        let stream = try Self.checked(stream, attempt: "STREAM.MSG.GET")
        let body = try Self.encode(Body(last_by_subj: subject), attempt: "STREAM.MSG.GET.\(stream)")
        do {
            let stored = try await self.call("STREAM.MSG.GET.\(stream)", body: body, answer: StoredMessage.self)
            return try stored.message(attempt: "STREAM.MSG.GET.\(stream)")
        } catch where error.code == .messageNotFound {
            return nil
        }
    }

    private func create(_ configuration: StreamConfiguration) async throws(NATSError) -> StreamInfo {
        let name = try Self.checked(configuration.name, attempt: "STREAM.CREATE")
        let body = try Self.encode(configuration, attempt: "STREAM.CREATE.\(name)")
        // A cluster places the stream and elects its leader before it answers.
        return try await self.call("STREAM.CREATE.\(name)", body: body, answer: StreamInfo.self, timeout: .seconds(10))
    }

    private static func meansFewerReplicas(_ error: NATSError) -> Bool {
        [
            JetStreamAnswer.ErrorCode.replicasNotSupported, JetStreamAnswer.ErrorCode.noSuitablePeers,
            JetStreamAnswer.ErrorCode.insufficientResources,
        ].contains(error.apiErrorCode)
    }

    static func encode(_ body: some Encodable, attempt: String) throws(NATSError) -> [UInt8] {
        do {
            return [UInt8](try JSONEncoder().encode(body))
        } catch {
            throw NATSError(.invalidConfiguration, attempt: attempt, cause: error)
        }
    }
}
