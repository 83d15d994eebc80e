import NIOHTTP1
package import UTCTime

/// Reading what happens at the daemon: events, output, use of resources.
extension DockerClient {
    /// Events of containers with the label, from now on or from `since`. Returns when the daemon has begun to listen: everything after that is in the stream.
    ///
    /// The daemon keeps only its last few hundred events, of all kinds. After a gap, containers have to be inspected as well.
    /// - Parameters:
    ///   - since: the time from which events are wanted. Events of exactly this time come again.
    ///   - label: `key`, or `key=value`.
    ///   - actions: Docker's names of the wanted events; all if empty. An image can have its health checked every millisecond, and each check makes three
    ///     events with all labels.
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
    ///   - since: the time from which lines are wanted; to continue after a line, its ``UTCInstant/next``.
    ///   - follow: whether to wait for more. The stream then ends with the container. A last line without a line end is mostly lost for readers that follow
    ///     (seen with 20.10): read once more, without following, from after the last line.
    ///   - last: how many lines from the end; nil for all.
    ///   - hasTerminal: as ``ContainerInspection/hasTerminal``; our own containers have none.
    package func logs(
        _ id: ContainerID, since: UTCInstant? = nil, follow: Bool = true, last: Int? = nil, hasTerminal: Bool = false
    ) async throws(EngineError) -> EngineStream<LogDecoder> {
        var query = [("stdout", "true"), ("stderr", "true"), ("timestamps", "true"), ("follow", String(follow))]
        if let since { query.append(("since", since.queryValue)) }
        if let last { query.append(("tail", String(last))) }
        // A daemon sends the head of this reply with the first line, so there can be no time limit for it.
        var request = Self.request(.GET, id, "logs", query: query, attempt: "read the log of container \(id)")
        request.limit = .none
        return EngineStream(
            try await self.transport.open(request), decoder: LogDecoder(hasTerminal: hasTerminal), request: request,
            endpoint: self.endpoint)
    }

    /// Takes one sample, which needs a second with a daemon older than 20.10.
    package func stats(_ id: ContainerID) async throws(EngineError) -> ContainerStats {
        var query = [("stream", "false")]
        if try await self.transport.negotiatedVersion() >= .oneShotStatistics { query.append(("one-shot", "true")) }
        return try await self.decode(
            ContainerStats.self, from: Self.request(.GET, id, "stats", query: query, attempt: "measure container \(id)"))
    }
}
