import DockerEngine
package import DroneStore
package import PlaneProtocol
import UTCTime

extension DockerEngineAdapter: EngineFeeds {
    /// The names of the events in which Docker and Podman report the end of a container.
    private static let endings = ["die", "destroy", "died", "remove"]

    package func watchExits(since: WireTime, _ body: @Sendable (ExitEvent) async -> Void) async throws(BackendEngineError) {
        do throws(EngineError) {
            let events = try await self.client.events(
                since: since.instant, label: "\(BackendID.managedLabel)=true", actions: Self.endings)
            await body(.listening)
            for try await event in events where event.action == .died || event.action == .removed {
                await body(.ended(ContainerHandle(event)))
            }
        } catch {
            throw BackendEngineError(error)
        }
    }

    package func readLog(
        of container: ContainerHandle, after since: WireTime?, onlyNew: Bool, _ body: @Sendable (LogChunk) async -> Void
    ) async throws(BackendEngineError) {
        do throws(EngineError) {
            var last = onlyNew ? nil : since.map { $0.instant }
            /// How many lines of the time `last` were told. Docker sends none of them again; Podman, whose times are whole seconds, sends all.
            var told = 0
            // Docker does not send a last line without a line feed to readers that follow (seen with 20.10), but does to readers that ask afterwards.
            for follows in [true, false] {
                let lines = try await self.withContainer(container) { (id) async throws(EngineError) in
                    try await self.client.logs(id, since: last?.next, follow: follows, last: onlyNew && last == nil ? 0 : nil)
                }
                guard let lines else { return }
                let (seen, again) = (last, told)
                told = 0
                for try await line in lines {
                    told = line.time == last ? told + 1 : 1
                    last = line.time ?? last
                    if !follows, line.time == seen, told <= again { continue }
                    await body(LogChunk(line))
                }
            }
        } catch {
            guard error.code != .noSuchContainer else { return }
            throw BackendEngineError(error)
        }
    }

    package func lastLines(of container: ContainerHandle, count: Int) async throws(BackendEngineError) -> [String] {
        do throws(EngineError) {
            var lines: [String] = []
            let newest = try await self.withContainer(container) { (id) async throws(EngineError) in
                try await self.client.logs(id, follow: false, last: count)
            }
            guard let newest else { return [] }
            for try await line in newest { lines.append(line.text) }
            return lines
        } catch {
            guard error.code != .noSuchContainer else { return [] }
            throw BackendEngineError(error)
        }
    }

    package func usage(of container: ContainerHandle) async throws(BackendEngineError) -> UsageSample? {
        if let id = container.id, let sample = self.groups[id]?.usage() { return sample }
        do throws(EngineError) {
            if let sample = try await self.findGroup(of: container)?.usage() { return sample }
            let stats = try await self.withContainer(container) { (id) async throws(EngineError) in try await self.client.stats(id) }
            guard let stats, let used = stats.memoryUsedBytes, let limit = stats.memoryLimitBytes, let cpu = stats.cpuNanoseconds,
                let system = stats.systemCPUNanoseconds
            else { return nil }
            return UsageSample(memoryUsedBytes: used, memoryLimitBytes: limit, cpuNanoseconds: cpu, systemCPUNanoseconds: system)
        } catch {
            guard error.code != .noSuchContainer else { return nil }
            throw BackendEngineError(error)
        }
    }
}

extension DockerEngineAdapter {
    /// The container's control group on this machine; nil when the container does not run, or runs on another machine than the agent.
    func findGroup(of container: ContainerHandle) async throws(EngineError) -> ControlGroup? {
        let found = try await self.withContainer(container) { (id) async throws(EngineError) in try await self.client.inspect(id) }
        guard let inspection = found, let process = inspection.state.processID, let memberships = ProcFile.text(of: "/proc/\(process)/cgroup"),
            let group = ControlGroup(memberships: memberships, container: inspection.id.rawValue)
        else { return nil }
        self.groups[inspection.id.rawValue] = group
        return group
    }
}

extension LogChunk {
    /// The format of `docker logs --timestamps`: the time with nine digits, a space, the line, a line feed. If a line was too long for one piece, only the
    /// last piece ends with a line feed.
    init(_ line: LogLine) {
        let time = line.time.map { WireTime($0) }
        let stamp = time.map { "\($0.fullText) " } ?? ""
        self.init(
            stream: line.source == .standardError ? .stderr : .stdout, time: time, text: stamp + line.text + (line.isComplete ? "\n" : ""))
    }
}

extension WireTime {
    /// The time with all nine digits of the fraction.
    fileprivate var fullText: String {
        let whole = "\(WireTime(seconds: self.seconds))".prefix { $0 != "Z" }
        return "\(whole).\(CalendarTime.digits(Int64(self.nanoseconds), 9))Z"
    }
}
