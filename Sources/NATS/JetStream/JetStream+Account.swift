/// Queries about the whole account: its streams, and the size of the store.
extension JetStream {
    /// How many pages of the list are read; that is more streams than anybody has.
    private static let mostPages = 64

    /// Every stream of the account, whoever made it.
    package func streams() async throws(NATSError) -> [StreamInfo] {
        struct Body: Encodable { var offset: Int }
        struct Answer: Decodable {
            var total: Int
            var streams: [StreamInfo]?
        }
        var streams: [StreamInfo] = []
        for _ in 0..<Self.mostPages {
            let body = try Self.encode(Body(offset: streams.count), attempt: "STREAM.LIST")
            let page = try await self.read("STREAM.LIST", body: body, answer: Answer.self)
            streams += page.streams ?? []
            guard let count = page.streams?.count, count > 0, streams.count < page.total else { break }
        }
        return streams
    }

    /// How full the store is, and how large, as far as that can be found out.
    ///
    /// The server reports an account's limit, if there is one. It does not report its own limit (`max_file_store`, by default three quarters of the disk's
    /// free space), but it refuses to set aside more than is left. So a single server is asked for a stream that it cannot make anyway, because the subject
    /// belongs to another one; its refusal shows whether there would have been room. A cluster checks subjects first, so nothing can be found out from it.
    /// - Parameter stream: an existing stream that nobody deletes.
    package func store(probing stream: StreamInfo) async throws(NATSError) -> StoreUsage {
        let account = try await self.read("INFO", answer: AccountInfo.self)
        if let limit = account.limits?.max_storage, limit > 0 { return StoreUsage(used: account.storage, limit: UInt64(limit)) }
        guard !stream.isClustered, let subject = stream.subjects.first else { return StoreUsage(used: account.storage) }
        let reserved = try await self.streams().reduce(UInt64(0)) { $0 + ($1.maxBytes ?? 0) }
        guard let free = try await self.roomLeft(subject: subject) else { return StoreUsage(used: account.storage) }
        return StoreUsage(used: account.storage, limit: reserved + free)
    }

    /// How many bytes all streams of the account use.
    package func storeUsed() async throws(NATSError) -> UInt64 {
        try await self.read("INFO", answer: AccountInfo.self).storage
    }

    private struct AccountInfo: Decodable {
        /// -1 for none.
        struct Limits: Decodable { var max_storage: Int64? }

        var storage: UInt64
        var limits: Limits?
    }

    /// The size of the largest stream that would fit, within an eighth; nil if the server does not say.
    private func roomLeft(subject: String) async throws(NATSError) -> UInt64? {
        var (fits, exceeds) = (UInt64(0), UInt64(1) << 20)
        while try await self.hasRoom(for: exceeds, subject: subject) {
            fits = exceeds
            exceeds *= 2
            guard exceeds <= Self.largestStore else { return nil }
        }
        while exceeds - fits > max(exceeds / 8, 64 << 10) {
            let middle = fits + (exceeds - fits) / 2
            if try await self.hasRoom(for: middle, subject: subject) { fits = middle } else { exceeds = middle }
        }
        return fits
    }

    /// A pebibyte. A store with room for so much counts as unlimited.
    private static let largestStore = UInt64(1) << 50

    private func hasRoom(for bytes: UInt64, subject: String) async throws(NATSError) -> Bool {
        let probe = StreamConfiguration(name: "plane_room_probe", subjects: [subject], maxBytes: Int64(bytes))
        let attempt = "STREAM.CREATE.\(probe.name)"
        do {
            _ = try await self.call(attempt, body: Self.encode(probe, attempt: attempt), answer: StreamInfo.self, timeout: .seconds(2))
        } catch where error.apiErrorCode == JetStreamAnswer.ErrorCode.streamSubjectOverlap {
            return true
        } catch where error.apiErrorCode == JetStreamAnswer.ErrorCode.insufficientStorage {
            return false
        }
        // The stream with the subject was deleted meanwhile, and this one must not replace it.
        struct Deleted: Decodable { var success: Bool }
        _ = try await self.call("STREAM.DELETE.\(probe.name)", answer: Deleted.self)
        throw NATSError(.streamNotFound, attempt: attempt, detail: "no stream has the subject \(subject) any more")
    }
}

/// How full JetStream's store is.
package struct StoreUsage: Sendable, Hashable {
    /// Bytes of all streams of the account.
    package var used: UInt64
    /// The size of the store in bytes, within an eighth; nil if that is not known.
    package var limit: UInt64?

    package init(used: UInt64, limit: UInt64? = nil) {
        self.used = used
        self.limit = limit
    }

    /// Whether a warning is due. Messages that are published without waiting for an acknowledgement would fill the rest unnoticed.
    package var isNearlyFull: Bool { self.limit.map { Double(self.used) >= 0.8 * Double($0) } ?? false }
}
