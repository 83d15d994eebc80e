import NIOCore
import Synchronization

/// The tokens that the event loops of the tier know, and the revocations. Each loop keeps a copy of what it uses.
///
/// There is a limit on everything that visitors can make the proxy keep. What is forgotten is asked for again.
package final class TierDirectory: Sendable {
    /// How many tokens are remembered, with some 400 bytes each.
    private static let tokenLimit = 1_000_000
    /// How many texts are remembered that look like tokens but are none. They have a list of their own, so that guesses do not displace valid tokens.
    private static let unknownLimit = 10_000
    /// For how long such a text is refused without asking. A gateway stores a token before it gives it to anybody, so a visitor cannot show a valid token too
    /// early.
    private static let unknownTime: TimeAmount = .seconds(5)
    /// How many lookups may wait for an answer; further ones are answered as unavailable.
    private static let questionLimit = 4096

    package enum Answer: Sendable {
        /// - Parameter isYoung: It was made, or told to be in use, a moment ago.
        case granted(TokenGrant, isYoung: Bool)
        case none
        case unavailable
    }

    /// Why requests were ended.
    package enum End: Sendable { case revoked, expired }

    /// What there is to count.
    package struct Counts: Equatable, Sendable {
        /// Tokens in memory.
        package var tokens = 0
        /// Revocations that are in force.
        package var revocations = 0
        /// WebSockets and requests that were ended by revocations.
        package var endedRequests = 0
        /// The same, by the end of their tokens' time.
        package var expiredRequests = 0
    }

    package typealias Listener = @Sendable (TierChange, _ done: @escaping @Sendable (_ requests: Int) -> Void) -> Void

    private struct Known {
        var grant: TokenGrant
        var usedAt: NIODeadline
        /// When the use of the token was last reported, by this proxy or by another one.
        var reportedAt: NIODeadline

        func isAlive(at now: NIODeadline) -> Bool {
            self.grant.lifetime.map { now < self.usedAt + $0 } ?? true && self.grant.expires.map { now < $0 } ?? true
        }
    }

    private struct State {
        var tokens: [TokenDigest: Known] = [:]
        /// The tokens of each backend among those in memory.
        var tokensOfBackend: [String: Set<TokenDigest>] = [:]
        var unknown: [TokenDigest: NIODeadline] = [:]
        var asking: [TokenDigest: [@Sendable (Answer) -> Void]] = [:]
        var revocations = RevocationTable()
        var ended = (revoked: 0, expired: 0)
        var listeners: [Listener] = []

        func isRevoked(_ grant: TokenGrant, _ token: TokenDigest) -> Bool {
            guard case .backend(let backend) = grant.target else { return false }
            return self.revocations.ends(grant, TokenOwnership(token, grant), at: backend)
        }

        mutating func remember(_ known: Known, _ token: TokenDigest) {
            self.tokens[token] = known
            if case .backend(let backend) = known.grant.target { self.tokensOfBackend[backend, default: []].insert(token) }
        }

        mutating func forget(_ token: TokenDigest) {
            guard let known = self.tokens.removeValue(forKey: token), case .backend(let backend) = known.grant.target else { return }
            self.tokensOfBackend[backend]?.remove(token)
            if self.tokensOfBackend[backend]?.isEmpty == true { self.tokensOfBackend[backend] = nil }
        }

        mutating func forgetTokens() {
            self.tokens.removeAll()
            self.tokensOfBackend.removeAll()
        }
    }

    package let fleet: any TierFleet
    /// Revocations that have come. What was found good by another number is looked at again, so that none is missed by whoever asks after it.
    private let revocationCount = Atomic<UInt64>(0)
    private let state = Mutex(State())

    package init(_ fleet: some TierFleet) {
        self.fleet = fleet
    }

    /// - Parameter body: Called on any thread with every change, after the directory knows it. Says once, on any thread, when it is done.
    package func listen(_ body: @escaping Listener) {
        self.state.withLock { $0.listeners.append(body) }
    }

    /// The fleet has changed.
    ///
    /// - Parameter completion: Called once, when every event loop has done what there was to do, with how many WebSockets and requests were ended, or are open.
    package func apply(_ change: TierChange, _ completion: @escaping @Sendable (_ requests: Int) -> Void = { _ in }) {
        let listeners = self.state.withLock { state in
            if case .revoked(let revocation) = change { state.revocations.insert(revocation) }
            return state.listeners
        }
        if case .revoked = change { self.revocationCount.add(1, ordering: .releasing) }
        guard !listeners.isEmpty else { return completion(0) }
        let tally = Tally(of: listeners.count, completion)
        for listener in listeners { listener(change) { tally.add($0) } }
    }

    /// Forgets everything about backends that have ended.
    package func forget(_ backends: [String]) {
        self.state.withLock { state in
            for backend in backends {
                state.revocations.remove(of: backend)
                for token in state.tokensOfBackend[backend] ?? [] { state.tokens[token] = nil }
                state.tokensOfBackend[backend] = nil
            }
        }
    }

    /// Another one after each revocation.
    var revocationNumber: UInt64 { self.revocationCount.load(ordering: .acquiring) }

    /// - Parameter backend: Where the token leads now.
    func isRevoked(_ grant: TokenGrant, _ ownership: TokenOwnership, at backend: String) -> Bool {
        self.state.withLock { $0.revocations.ends(grant, ownership, at: backend) }
    }

    /// Finds out what a token means, from memory or by asking.
    ///
    /// - Parameter completion: called once, now or later, on any thread.
    func resolve(_ token: TokenDigest, at now: NIODeadline, _ completion: @escaping @Sendable (Answer) -> Void) {
        enum Step { case answer(Answer), ask, wait }
        let step: Step = self.state.withLock { state in
            if let known = state.tokens[token], known.isAlive(at: now), !state.isRevoked(known.grant, token) {
                return .answer(.granted(known.grant, isYoung: false))
            }
            if let since = state.unknown[token] {
                if now < since + Self.unknownTime { return .answer(.none) }
                state.unknown[token] = nil
            }
            let isFirst = state.asking[token] == nil
            if isFirst, state.asking.count >= Self.questionLimit { return .answer(.unavailable) }
            state.asking[token, default: []].append(completion)
            return isFirst ? .ask : .wait
        }
        switch step {
        case .answer(let answer): completion(answer)
        case .ask: self.fleet.fetch(token) { self.fetched(token, $0) }
        case .wait: break
        }
    }

    private func fetched(_ token: TokenDigest, _ fetched: FetchedToken) {
        let now = NIODeadline.now()
        let (answer, waiting): (Answer, [@Sendable (Answer) -> Void]) = self.state.withLock { state in
            let waiting = state.asking.removeValue(forKey: token) ?? []
            switch fetched {
            case .unavailable: return (.unavailable, waiting)
            case .none: break
            case .granted(let grant, let age):
                // Asked of the age itself: no instant is before this machine's start, so that an older use would count as one at the start.
                if let lifetime = grant.lifetime, age >= lifetime { break }
                let known = Known(grant: grant, usedAt: now - age, reportedAt: now - age)
                guard known.isAlive(at: now), !state.isRevoked(grant, token) else { break }
                // Whoever is used often is asked for again soon.
                if state.tokens.count >= Self.tokenLimit { state.forgetTokens() }
                state.remember(known, token)
                return (.granted(grant, isYoung: age < TokenExpiry.youth), waiting)
            }
            state.forget(token)
            if state.unknown.count >= Self.unknownLimit { state.unknown.removeAll(keepingCapacity: true) }
            state.unknown[token] = now
            return (.none, waiting)
        }
        for completion in waiting { completion(answer) }
    }

    /// A visitor uses the token now. That is reported to the other proxies at most once in a quarter of its lifetime.
    func used(_ token: TokenDigest, at now: NIODeadline) {
        let tells = self.state.withLock { state in
            guard var known = state.tokens[token], let lifetime = known.grant.lifetime else { return false }
            known.usedAt = max(known.usedAt, now)
            let tells = now - known.reportedAt >= .nanoseconds(lifetime.nanoseconds / 4)
            if tells { known.reportedAt = now }
            state.tokens[token] = known
            return tells
        }
        if tells { self.fleet.reportUse(of: token) }
    }

    /// An event loop has ended so many requests.
    func ended(_ requests: Int, because end: End) {
        guard requests > 0 else { return }
        self.state.withLock { state in
            switch end {
            case .revoked: state.ended.revoked += requests
            case .expired: state.ended.expired += requests
            }
        }
    }

    package var counts: Counts {
        self.state.withLock { state in
            Counts(
                tokens: state.tokens.count, revocations: state.revocations.count, endedRequests: state.ended.revoked,
                expiredRequests: state.ended.expired)
        }
    }
}

/// Times that belong to tokens.
enum TokenExpiry {
    /// A token so young may be known sooner than its backend is.
    static let youth: TimeAmount = .seconds(10)
}

/// Adds up what several have to say, and tells it when all have.
private final class Tally: Sendable {
    private struct State {
        var waiting: Int
        var sum = 0
    }

    private let state: Mutex<State>
    private let completion: @Sendable (Int) -> Void

    init(of count: Int, _ completion: @escaping @Sendable (Int) -> Void) {
        self.state = Mutex(State(waiting: count))
        self.completion = completion
    }

    func add(_ count: Int) {
        let sum: Int? = self.state.withLock { state in
            state.waiting -= 1
            state.sum += count
            return state.waiting == 0 ? state.sum : nil
        }
        if let sum { self.completion(sum) }
    }
}
