import FoundationEssentials
import JSONValues
import Logging

/// Makes, changes and purges streams, and reads single messages.
extension JetStream {
    package func streamInfo(_ name: String) async throws(NATSError) -> StreamInfo {
        let name = try Self.checked(name, attempt: "STREAM.INFO")
        return try await self.read("STREAM.INFO.\(name)", answer: StreamInfo.self)
    }

    /// Subjects of messages in the stream, in alphabetical order.
    /// - Parameters:
    ///   - filter: as for a subscription.
    ///   - limit: how many are returned at most; the server itself lists up to 100 000.
    package func subjects(in stream: String, matching filter: String, limit: Int) async throws(NATSError) -> [String] {
        struct Body: Encodable { var subjects_filter: String }
        struct Answer: Decodable {
            struct State: Decodable {
                /// The number of messages on each subject; absent if there are none.
                var subjects: [String: UInt64]?
            }
            var state: State
        }
        let stream = try Self.checked(stream, attempt: "STREAM.INFO")
        let body = try Self.encode(Body(subjects_filter: filter), attempt: "STREAM.INFO.\(stream)")
        let answer = try await self.read("STREAM.INFO.\(stream)", body: body, answer: Answer.self)
        return Array((answer.state.subjects ?? [:]).keys.sorted().prefix(limit))
    }

    /// Every subject of a message in the stream, and what the stream was at that time.
    ///
    /// The server lists 100 000 at once. More are read in several steps, between which one that is deleted moves those behind it forward, so that one of them
    /// may be missing in the list.
    /// - Parameter filter: as for a subscription.
    package func listSubjects(in stream: String, matching filter: String) async throws(NATSError) -> StreamSubjects {
        struct Body: Encodable {
            var subjects_filter: String
            var offset: Int
        }
        let stream = try Self.checked(stream, attempt: "STREAM.INFO")
        var list: StreamSubjects?
        while true {
            let body = try Self.encode(Body(subjects_filter: filter, offset: list?.subjects.count ?? 0), attempt: "STREAM.INFO.\(stream)")
            let page = try await self.read("STREAM.INFO.\(stream)", body: body, answer: StreamSubjects.self)
            if list == nil { list = page } else { list?.add(page) }
            if let list, page.subjects.isEmpty || list.subjects.count >= page.total { return list }
        }
    }

    /// Makes the stream if it does not exist. An existing one is left as it is, whatever its configuration; see `adjustStream`.
    ///
    /// A single server has no replicas (error 10074): there the stream is made with one copy.
    /// - Parameter acceptingFewerReplicas: whether a cluster that has too few servers *at the moment* (10005, 10023) may make the stream with fewer replicas.
    ///   If not, the error says so, and a later attempt may succeed: `NATSError.meansTooFewServers`.
    package func ensureStream(
        _ configuration: StreamConfiguration, acceptingFewerReplicas: Bool = true
    ) async throws(NATSError) -> StreamInfo {
        do {
            return try await self.streamInfo(configuration.name)
        } catch where error.code == .streamNotFound {
            // The stream is created below.
        }
        var configuration = configuration
        while true {
            do {
                return try await self.create(configuration)
            } catch where error.apiErrorCode == JetStreamAnswer.ErrorCode.streamNameExists {
                return try await self.streamInfo(configuration.name)  // Another process was faster.
            } catch where error.apiErrorCode == JetStreamAnswer.ErrorCode.streamSubjectOverlap {
                // The server checks subjects after names, so another process may have made the stream just before.
                do {
                    return try await self.streamInfo(configuration.name)
                } catch let missing where missing.code == .streamNotFound {
                    throw await self.explained(error, configuration)
                }
            } catch where configuration.replicas > 1 && error.meansNoReplicas {
                // The server is not part of a cluster, so it keeps one copy only. Its operator knows that, and nothing is reported.
                configuration.replicas = 1
            } catch where acceptingFewerReplicas && configuration.replicas > 1 && error.meansTooFewServers {
                self.reportFewer(replicas: configuration.replicas - 1, than: configuration, error)
                configuration.replicas -= 1
            }
        }
    }

    /// Names the streams that have the subjects already.
    private func explained(_ error: NATSError, _ configuration: StreamConfiguration) async -> NATSError {
        // If listing streams is not permitted, the server's own error is used.
        guard let streams = try? await self.streams() else { return error }
        let overlaps = streams.compactMap { stream -> String? in
            guard stream.name != configuration.name else { return nil }
            let theirs = stream.subjects.filter { subject in configuration.subjects.contains { NATSSubject.overlap($0, subject) } }
            return theirs.isEmpty ? nil : "\(theirs.joined(separator: ", ")) of stream \(stream.name)"
        }
        guard !overlaps.isEmpty else { return error }
        var error = error
        error.detail = "its subjects \(configuration.subjects.joined(separator: ", ")) overlap with \(overlaps.joined(separator: " and "))"
        error.hint = "take them away there: nats stream edit"
        return error
    }

    private func reportFewer(replicas: Int, than configuration: StreamConfiguration, _ error: NATSError) {
        self.connection.logger.info(
            "stream gets fewer replicas than configured",
            metadata: [
                NATSLogKey.stream: "\(configuration.name)", NATSLogKey.replicas: "\(replicas)", NATSLogKey.error: "\(error)",
            ])
    }

    /// Changes an existing stream to what is configured: more replicas if it has fewer (never fewer, because an operator may rely on the copies), the age
    /// limit, the size limit if one is configured, no acknowledgements where none are wanted, and subjects that are missing. Everything else is left as it
    /// is, including settings that this library does not know.
    ///
    /// A server that is no member of a cluster has one copy whatever is configured. Up to 2.11 it accepts any number, but will not load such a stream when it
    /// starts again, so there the number is set back to one.
    /// - Returns: whether anything was changed.
    package func adjustStream(_ configuration: StreamConfiguration) async throws(NATSError) -> Bool {
        struct Existing: Decodable {
            struct Group: Decodable { var name: String? }
            var config: [String: JSONValue]
            var cluster: Group?
        }
        let name = try Self.checked(configuration.name, attempt: "STREAM.UPDATE")
        let stream = try await self.read("STREAM.INFO.\(name)", answer: Existing.self)
        let existing = stream.config
        var wanted = existing
        let replicas = existing["num_replicas"]?.integer ?? 1
        if (stream.cluster?.name ?? "").isEmpty {
            if replicas > 1 { wanted["num_replicas"] = .number(JSONNumber(1)) }
        } else if configuration.replicas > replicas {
            wanted["num_replicas"] = .number(JSONNumber(configuration.replicas))
        }
        if let maxBytes = configuration.maxBytes, maxBytes != existing["max_bytes"]?.integer ?? StreamConfiguration.unlimited {
            wanted["max_bytes"] = .number(JSONNumber(maxBytes))
        }
        let maxAge = configuration.maxAge.map { Int64(clamping: $0.unsignedNanoseconds) } ?? 0
        if maxAge != existing["max_age"]?.integer ?? 0 {
            wanted["max_age"] = .number(JSONNumber(maxAge))
            // The server refuses to remember message ids for longer than it keeps messages.
            if maxAge > 0, let window = existing["duplicate_window"]?.integer, window > maxAge { wanted["duplicate_window"] = .number(JSONNumber(maxAge)) }
        }
        if !configuration.isAcknowledged { wanted["no_ack"] = .bool(true) }
        let subjects = existing["subjects"]?.strings ?? []
        // If a subject overlaps with an existing one, somebody has chosen that, and the server accepts no two that overlap.
        let missing = configuration.subjects.filter { subject in !subjects.contains { NATSSubject.overlap($0, subject) } }
        if !missing.isEmpty { wanted["subjects"] = .array((subjects + missing).map { .string($0) }) }
        guard wanted != existing else { return false }
        let body = try Self.encode(wanted, attempt: "STREAM.UPDATE.\(name)")
        _ = try await self.call("STREAM.UPDATE.\(name)", body: body, answer: StreamInfo.self, timeout: .seconds(10))
        return true
    }

    /// Gives an existing stream these subjects and no others, and leaves everything else as it is, its messages too.
    package func setSubjects(_ subjects: [String], of name: String) async throws(NATSError) {
        struct Existing: Decodable { var config: [String: JSONValue] }
        let name = try Self.checked(name, attempt: "STREAM.UPDATE")
        var wanted = try await self.read("STREAM.INFO.\(name)", answer: Existing.self).config
        wanted["subjects"] = .array(subjects.map { .string($0) })
        let body = try Self.encode(wanted, attempt: "STREAM.UPDATE.\(name)")
        _ = try await self.call("STREAM.UPDATE.\(name)", body: body, answer: StreamInfo.self, timeout: .seconds(10))
    }

    /// Deletes the messages of a subject, which may have wildcards, and returns how many there were.
    /// - Parameter before: only messages with a smaller sequence than this; all if nil.
    package func purge(stream: String, subject: String, before sequence: UInt64? = nil) async throws(NATSError) -> UInt64 {
        struct Body: Encodable {
            var filter: String
            var seq: UInt64?
        }
        struct Answer: Decodable { var purged: UInt64 }
        let stream = try Self.checked(stream, attempt: "STREAM.PURGE")
        let body = try Self.encode(Body(filter: subject, seq: sequence), attempt: "STREAM.PURGE.\(stream)")
        return try await self.call("STREAM.PURGE.\(stream)", body: body, answer: Answer.self).purged
    }

    /// Deletes one message by its sequence. Succeeds, too, if the message does not exist any more.
    package func deleteMessage(stream: String, sequence: UInt64, timeout: Duration = .seconds(5)) async throws(NATSError) {
        struct Body: Encodable {
            var seq: UInt64
            /// Whether the message is only marked as deleted, and not also overwritten in the file.
            var no_erase = true
        }
        struct Answer: Decodable { var success: Bool }
        let stream = try Self.checked(stream, attempt: "STREAM.MSG.DELETE")
        let attempt = "STREAM.MSG.DELETE.\(stream)"
        do {
            _ = try await self.call(attempt, body: Self.encode(Body(seq: sequence), attempt: attempt), answer: Answer.self, timeout: timeout)
        } catch where error.code == .messageNotFound {
            return
        }
    }

    /// The newest message of a subject, or nil.
    package func lastMessage(stream: String, subject: String) async throws(NATSError) -> StreamMessage? {
        try await self.lastStored(stream, subject)?.message(attempt: "STREAM.MSG.GET.\(stream)")
    }

    /// The oldest message of a subject whose sequence is not smaller than this, or nil.
    package func nextMessage(stream: String, subject: String, from sequence: UInt64) async throws(NATSError) -> StreamMessage? {
        struct Body: Encodable {
            var seq: UInt64
            var next_by_subj: String
        }
        return try await self.stored(stream, Body(seq: sequence, next_by_subj: subject))?.message(attempt: "STREAM.MSG.GET.\(stream)")
    }

    /// The headers of the newest message of a subject; nil if there is no message.
    package func headersOfLastMessage(stream: String, subject: String) async throws(NATSError) -> NATSHeaders? {
        try await self.lastStored(stream, subject)?.headers
    }

    private func lastStored(_ stream: String, _ subject: String) async throws(NATSError) -> StoredMessage? {
        struct Body: Encodable { var last_by_subj: String }
        return try await self.stored(stream, Body(last_by_subj: subject))
    }

    private func stored(_ stream: String, _ body: some Encodable) async throws(NATSError) -> StoredMessage? {
        let stream = try Self.checked(stream, attempt: "STREAM.MSG.GET")
        let body = try Self.encode(body, attempt: "STREAM.MSG.GET.\(stream)")
        do {
            return try await self.read("STREAM.MSG.GET.\(stream)", body: body, answer: StoredMessage.self)
        } catch where error.code == .messageNotFound {
            return nil
        }
    }

    private func create(_ configuration: StreamConfiguration) async throws(NATSError) -> StreamInfo {
        let name = try Self.checked(configuration.name, attempt: "STREAM.CREATE")
        let body = try Self.encode(configuration, attempt: "STREAM.CREATE.\(name)")
        // A cluster places the stream and elects its leader before it answers, which takes a second or two. If two processes ask at the same time, one may
        // never get an answer.
        return try await self.call("STREAM.CREATE.\(name)", body: body, answer: StreamInfo.self, timeout: .seconds(4))
    }

    static func encode(_ body: some Encodable, attempt: String) throws(NATSError) -> [UInt8] {
        do {
            return [UInt8](try JSONEncoder().encode(body))
        } catch {
            throw NATSError(.invalidConfiguration, attempt: attempt, cause: error)
        }
    }
}
