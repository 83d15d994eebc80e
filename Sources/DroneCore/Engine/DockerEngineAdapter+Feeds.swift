import DockerEngine
package import PlaneProtocol
import UTCTime

extension DockerEngineAdapter: EngineFeeds {
    /// Docker's words for the end of a container, and Podman's.
    private static let endings = ["die", "destroy", "died", "remove"]

    package func watchExits(since: WireTime, _ body: @Sendable (ExitEvent) async -> Void) async throws(EngineFailure) {
        do throws(EngineError) {
            let events = try await self.client.events(
                since: since.instant, label: "\(BackendID.managedLabel)=true", actions: Self.endings)
            await body(.listening)
            for try await event in events where event.action == .died || event.action == .removed {
                // The label stays when the name is changed; an engine that does not tell labels tells the name.
                guard let backend = BackendID(resourceName: event.attributes[BackendID.backendLabel] ?? event.name) else { continue }
                await body(.ended(backend))
            }
        } catch {
            throw EngineFailure(error)
        }
    }

    package func readLog(
        of backend: BackendID, after since: WireTime?, onlyNew: Bool, _ body: @Sendable (LogChunk) async -> Void
    ) async throws(EngineFailure) {
        do throws(EngineError) {
            var last = onlyNew ? nil : since.map { $0.instant }
            // A last line without a line feed is withheld from who follows (seen with 20.10), and shown to who asks afterwards.
            for follows in [true, false] {
                let lines = try await self.withContainer(of: backend) { (id) async throws(EngineError) in
                    try await self.client.logs(id, since: last?.next, follow: follows, last: onlyNew && last == nil ? 0 : nil)
                }
                guard let lines else { return }
                for try await line in lines {
                    last = line.time ?? last
                    await body(LogChunk(line))
                }
            }
        } catch {
            guard error.code != .noSuchContainer else { return }
            throw EngineFailure(error)
        }
    }

    package func lastLines(of backend: BackendID, count: Int) async throws(EngineFailure) -> [String] {
        do throws(EngineError) {
            var lines: [String] = []
            let newest = try await self.withContainer(of: backend) { (id) async throws(EngineError) in
                try await self.client.logs(id, follow: false, last: count)
            }
            guard let newest else { return [] }
            for try await line in newest { lines.append(line.text) }
            return lines
        } catch {
            guard error.code != .noSuchContainer else { return [] }
            throw EngineFailure(error)
        }
    }

    package func usage(of backend: BackendID) async throws(EngineFailure) -> UsageSample? {
        if let sample = self.groups.group(of: backend)?.usage() { return sample }
        do throws(EngineError) {
            if let sample = try await self.findGroup(of: backend)?.usage() { return sample }
            let stats = try await self.withContainer(of: backend) { (id) async throws(EngineError) in try await self.client.stats(id) }
            guard let stats, let used = stats.memoryUsedBytes, let limit = stats.memoryLimitBytes, let cpu = stats.cpuNanoseconds,
                let system = stats.systemCPUNanoseconds
            else { return nil }
            return UsageSample(memoryUsedBytes: used, memoryLimitBytes: limit, cpuNanoseconds: cpu, systemCPUNanoseconds: system)
        } catch {
            guard error.code != .noSuchContainer else { return nil }
            throw EngineFailure(error)
        }
    }
}

extension DockerEngineAdapter {
    /// Where this machine accounts for the container; nil when it does not run, or runs on another machine than the agent.
    private func findGroup(of backend: BackendID) async throws(EngineError) -> ControlGroup? {
        self.groups.forget(backend)
        let found = try await self.withContainer(of: backend) { (id) async throws(EngineError) in try await self.client.inspect(id) }
        guard let inspection = found, let process = inspection.state.processID, let memberships = KernelFile.text(of: "/proc/\(process)/cgroup"),
            let group = ControlGroup(memberships: memberships, container: inspection.id.rawValue)
        else { return nil }
        self.groups.remember(group, of: backend)
        return group
    }
}

extension LogChunk {
    /// As `docker logs --timestamps` writes it: the time with nine digits, a space, the line, a line feed. A part of a line that was
    /// too long for one piece has none at its end.
    init(_ line: LogLine) {
        let time = line.time.map { WireTime($0) }
        let stamp = time.map { "\($0.fullText) " } ?? ""
        self.init(
            stream: line.source == .standardError ? .stderr : .stdout, time: time, text: stamp + line.text + (line.isComplete ? "\n" : ""))
    }
}

extension WireTime {
    /// With all nine digits of the fraction.
    fileprivate var fullText: String {
        let whole = "\(WireTime(seconds: self.seconds))".prefix { $0 != "Z" }
        return "\(whole).\(CalendarTime.digits(Int64(self.nanoseconds), 9))Z"
    }
}
