import NIOHTTP1
package import UTCTime

/// What goes on at the daemon: events, output, use of resources.
extension DockerClient {
    /// What happens to containers that carry the label, from now on or from `since`. Returns when the daemon has begun to
    /// listen: what happens after that is in the stream.
    ///
    /// The daemon keeps only its last few hundred events, of all kinds; after a gap, inspect what you care for as well.
    /// - Parameters:
    ///   - since: the first moment of interest. Events of exactly this moment come again.
    ///   - label: `key`, or `key=value`.
    ///   - actions: Docker's words for what is of interest; all if empty. An image can have its health asked for every millisecond, and
    ///     each question is three events with all labels.
    package func events(
        since: UTCInstant? = nil, label: String, actions: [String] = []
    ) async throws(EngineError) -> EngineStream<JSONLineDecoder<ContainerEvent>> {
        var filters = ["type": ["container"], "label": [label]]
        if !actions.isEmpty { filters["event"] = actions }
        var query = [("filters", EngineFilter.encode(filters))]
        if let since { query.append(("since", since.queryValue)) }
        let request = EngineRequest(
            path: "/events", query: query, subject: .daemon, attempt: "listen to the events of containers with label \(label)")
        return EngineStream(
            try await self.transport.open(request), decoder: JSONLineDecoder(skipsLongLines: true), request: request, endpoint: self.endpoint)
    }

    /// The container's output, from its beginning or from `since`.
    /// - Parameters:
    ///   - since: the first moment of interest; go on after a line with its ``UTCInstant/next``.
    ///   - follow: whether to wait for more. The stream then ends with the container. A last line that has no line end is
    ///     lost to who follows more often than not (seen with 20.10): read once more, without following, from after the last line.
    ///   - last: how many lines from the end on; nil for all.
    ///   - hasTerminal: as ``ContainerInspection/hasTerminal``; our own containers have none.
    package func logs(
        _ id: ContainerID, since: UTCInstant? = nil, follow: Bool = true, last: Int? = nil, hasTerminal: Bool = false
    ) async throws(EngineError) -> EngineStream<LogDecoder> {
        var query = [("stdout", "true"), ("stderr", "true"), ("timestamps", "true"), ("follow", String(follow))]
        if let since { query.append(("since", since.queryValue)) }
        if let last { query.append(("tail", String(last))) }
        // A daemon sends the head of this reply with the first line, so waiting for that cannot be limited.
        var request = Self.request(.GET, id, "logs", query: query, attempt: "read the log of container \(id)")
        request.limit = .none
        return EngineStream(
            try await self.transport.open(request), decoder: LogDecoder(hasTerminal: hasTerminal), request: request,
            endpoint: self.endpoint)
    }

    /// One sample. Takes a second with a daemon older than 20.10.
    package func stats(_ id: ContainerID) async throws(EngineError) -> ContainerStats {
        var query = [("stream", "false")]
        if try await self.transport.negotiatedVersion() >= .oneShotStatistics { query.append(("one-shot", "true")) }
        return try await self.decode(
            ContainerStats.self, from: Self.request(.GET, id, "stats", query: query, attempt: "measure container \(id)"))
    }
}
