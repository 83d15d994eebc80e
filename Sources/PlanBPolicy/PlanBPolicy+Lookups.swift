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
        let known = self.cache.find(name)
        let question = known?.question ?? FrontendQuestion(name, usesWildcards: self.options.usesWildcards)
        let tracking = self.reader.tracking
        let reading = FrontendReading(beganAt: beganAt, tracking: tracking, names: tracking == nil ? [] : self.cache.track(question.names))
        self.reader.send(question.pipeline) { result in
            switch result {
            case .failure(let error): self.failed(name, anew, error.description, known, beganAt)
            case .success(let replies):
                switch question.read(replies) {
                case .nothing:
                    if known != nil { self.cache.remove(name) }
                    self.conclude(name, anew, .nothing, beganAt)
                case .unusable(let problem):
                    if known != nil { self.cache.remove(name) }
                    self.conclude(name, anew, .failed(problem), beganAt)
                case .refused(let problem): self.failed(name, anew, problem, known, beganAt)
                case .found(let host, let entries, let dead):
                    self.read(name, anew, known, Answer(question: question, host: host, entries: entries, dead: dead, reading: reading))
                }
            }
        }
    }

    /// What is known from before is used then. The addresses of its backends may have been forgotten.
    private func failed(_ name: String, _ anew: Bool, _ problem: String, _ known: Frontend?, _ beganAt: NIODeadline) {
        guard self.options.cachesFrontends, let known else { return self.conclude(name, anew, .failed(problem), beganAt) }
        self.endpoints.whenResolved(known.named(at: beganAt, markLife: self.options.markLife), at: beganAt) {
            self.conclude(name, anew, .failed(problem), beganAt)
        }
    }

    private struct Answer {
        let question: FrontendQuestion
        let host: String
        let entries: [[UInt8]]
        let dead: Set<Int>
        let reading: FrontendReading
    }

    private func read(_ name: String, _ anew: Bool, _ known: Frontend?, _ answer: Answer) {
        let frontend = self.frontend(name, known, answer)
        self.endpoints.whenResolved(frontend.named(at: answer.reading.beganAt, markLife: self.options.markLife), at: answer.reading.beganAt) {
            self.conclude(name, anew, .frontend(frontend), answer.reading.beganAt)
        }
    }

    /// The frontend with this content. Mostly it is what was read before, and nothing has to be made.
    private func frontend(_ name: String, _ known: Frontend?, _ answer: Answer) -> Frontend {
        var reading = answer.reading
        // The connection may have been replaced since the commands were written; the new one tells nothing of what was asked on the old one.
        if reading.tracking !== self.reader.tracking { (reading.tracking, reading.names) = (nil, []) }
        if let known, known.hasContent(host: answer.host, entries: answer.entries, dead: answer.dead) {
            known.renew(reading)
            return known
        }
        let isSameList = known?.hasEntries(answer.entries) ?? false
        let frontend = Frontend(
            host: answer.host, question: answer.question,
            backends: (isSameList ? known?.backends : nil) ?? answer.entries.map { Backend($0) }, dead: answer.dead,
            // The counter belongs to the host as it was received, with its port.
            turn: known?.turn ?? self.source.turns.counter(of: name), reading: reading)
        self.cache.insert(name, frontend)
        return frontend
    }

    /// Requests that wait are served before this returns; what was found is kept until then.
    private func conclude(_ name: String, _ anew: Bool, _ meaning: Found.Result, _ beganAt: NIODeadline) {
        self.lookupsGoingOn -= 1
        self.found = Found(name: name, meaning: meaning, beganAt: beganAt)
        let outcome: LookupOutcome = if case .failed = meaning { .failed } else { .answered }
        self.host.lookedUp(name, anew: anew, outcome)
        self.found = nil
    }

    // MARK: Changes

    /// Redis says that something has changed which was read before.
    func changed(_ change: RedisInvalidation) {
        switch change {
        case .everything: self.cache.changeAll()
        case .keys(let keys):
            for key in keys {
                if let name = FrontendQuestion.name(ofKey: key) { self.cache.change(name) }
            }
        }
    }
}
