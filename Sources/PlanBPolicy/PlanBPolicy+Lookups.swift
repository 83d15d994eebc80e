import NIOCore
import ProxyCore
import RedisClient

/// The lookups in Redis.
extension PlanBPolicy {
    func lookUp(_ name: String, anew: Bool) {
        let beganAt = NIODeadline.now()
        self.lookupsGoingOn += 1
        if name == Self.pingName {
            return self.reader.send([RedisCommand("PING", arguments: [])]) { result in
                switch result {
                case .success(let replies):
                    if case .error(let text)? = replies.first { self.pingProblem = text } else { self.pingProblem = nil }
                case .failure(let error): self.pingProblem = error.description
                }
                self.lookupsGoingOn -= 1
                self.host.lookedUp(name, anew: anew, .answered)
            }
        }
        let question = FrontendQuestion(name, usesWildcards: self.options.usesWildcards)
        self.reader.send(question.commands) { result in
            switch result {
            case .failure(let error): self.conclude(name, anew, .failed(error.description), beganAt)
            case .success(let replies):
                switch question.read(replies) {
                case .nothing:
                    self.cache.remove(name)
                    self.conclude(name, anew, .nothing, beganAt)
                case .unusable(let problem): self.conclude(name, anew, .failed(problem), beganAt)
                case .found(let host, let entries, let dead):
                    self.read(name, anew, host, entries, dead, beganAt)
                }
            }
        }
    }

    private func read(_ name: String, _ anew: Bool, _ host: String, _ entries: [[UInt8]], _ dead: Set<Int>, _ beganAt: NIODeadline) {
        // The counter belongs to the host as it was received, with its port.
        let frontend = Frontend(
            host: host, backends: entries.map { Backend($0) }, dead: dead, turn: self.source.turns.counter(of: name), readAt: beganAt)
        if self.options.cachesFrontends { self.cache.insert(name, frontend) }
        // Backends that are marked dead need not be resolved.
        let named = frontend.backends.enumerated().lazy.filter { !dead.contains($0.offset) }.compactMap(\.element.address)
        self.endpoints.whenResolved(named, at: beganAt) {
            self.conclude(name, anew, .frontend(frontend), beganAt)
        }
    }

    /// Requests that wait are served before this returns; what was found is kept until then.
    private func conclude(_ name: String, _ anew: Bool, _ meaning: Found.Meaning, _ beganAt: NIODeadline) {
        self.lookupsGoingOn -= 1
        self.found[name] = Found(meaning: meaning, beganAt: beganAt)
        let outcome: LookupOutcome = if case .failed = meaning { .failed } else { .answered }
        self.host.lookedUp(name, anew: anew, outcome)
        self.found[name] = nil
    }
}
