import NIOCore
import Synchronization

/// The tokens that are known to all event loops of the tier, and the revocations. Each loop keeps what it uses of them.
///
/// Every bound is on what visitors can make us hold. What is let go of is asked for again.
package final class TierDirectory: Sendable {
    /// Tokens remembered. Some 400 bytes each, with what they say.
    private static let tokenLimit = 1_000_000
    /// Texts that looked like tokens and were none. For them alone, so that guesses drive out nothing that is good.
    private static let unknownLimit = 10_000
    /// A gateway has the acknowledgement of a token before anybody learns it, so nobody guesses one that will soon be good.
    private static let unknownTime: TimeAmount = .seconds(5)
    /// Questions that wait for an answer at once; of more, each is told that nobody can be asked.
    private static let questionLimit = 4096

    package enum Answer: Sendable {
        case granted(TokenGrant)
        case none
        case unavailable
    }

    /// What there is to count.
    package struct Counts: Equatable, Sendable {
        /// Tokens in memory.
        package var tokens = 0
        /// Revocations that hold.
        package var revocations = 0
        /// WebSockets and requests that were ended by revocations.
        package var endedRequests = 0
    }

    private struct Known {
        var grant: TokenGrant
        var usedAt: NIODeadline
        /// When the others were last told of its use, or we learned of it.
        var toldAt: NIODeadline

        func isAlive(at now: NIODeadline) -> Bool { self.grant.lifetime.map { now < self.usedAt + $0 } ?? true }
    }

    private struct State {
        var tokens: [TokenDigest: Known] = [:]
        /// Those of each backend among them.
        var tokensOfBackend: [String: Set<TokenDigest>] = [:]
        var unknown: [TokenDigest: NIODeadline] = [:]
        var asking: [TokenDigest: [@Sendable (Answer) -> Void]] = [:]
        /// By backend and user.
        var revocations: [String: [TokenDigest: UInt64]] = [:]
        var endedRequests = 0
        var listeners: [@Sendable (TierChange) -> Void] = []

        func isRevoked(_ grant: TokenGrant) -> Bool {
            guard let user = grant.user, let ofBackend = self.revocations[grant.backend] else { return false }
            return ofBackend[TokenDigest(of: user.utf8)].map { grant.sequence < $0 } ?? false
        }

        mutating func remember(_ known: Known, _ token: TokenDigest) {
            self.tokens[token] = known
            self.tokensOfBackend[known.grant.backend, default: []].insert(token)
        }

        mutating func forget(_ token: TokenDigest) {
            guard let known = self.tokens.removeValue(forKey: token) else { return }
            self.tokensOfBackend[known.grant.backend]?.remove(token)
            if self.tokensOfBackend[known.grant.backend]?.isEmpty == true { self.tokensOfBackend[known.grant.backend] = nil }
        }

        mutating func forgetTokens() {
            self.tokens.removeAll()
            self.tokensOfBackend.removeAll()
        }
    }

    package let world: any TierWorld
    private let state = Mutex(State())

    package init(_ world: some TierWorld) {
        self.world = world
    }

    /// - Parameter body: Called on any thread with every change, after the directory knows it.
    package func listen(_ body: @escaping @Sendable (TierChange) -> Void) {
        self.state.withLock { $0.listeners.append(body) }
    }

    /// The world has changed.
    package func apply(_ change: TierChange) {
        let listeners = self.state.withLock { state in
            switch change {
            case .backends: break
            case .revoked(let backend, let user, let sequence):
                let before = state.revocations[backend]?[user] ?? 0
                state.revocations[backend, default: [:]][user] = max(before, sequence)
            case .countsAnew:
                state.revocations = [:]
                for token in state.tokens.keys { state.tokens[token]?.grant.sequence = 0 }
            }
            return state.listeners
        }
        for listener in listeners { listener(change) }
    }

    /// Backends that are no more: nothing of them is remembered.
    package func forget(_ backends: [String]) {
        self.state.withLock { state in
            for backend in backends {
                state.revocations[backend] = nil
                for token in state.tokensOfBackend[backend] ?? [] { state.tokens[token] = nil }
                state.tokensOfBackend[backend] = nil
            }
        }
    }

    /// For an answer that has been on its way for a moment.
    func isRevoked(_ grant: TokenGrant) -> Bool { self.state.withLock { $0.isRevoked(grant) } }

    /// What a token means, by what is known or, where that is not enough, by asking.
    ///
    /// - Parameter completion: Called once, at once or later, on any thread.
    func resolve(_ token: TokenDigest, at now: NIODeadline, _ completion: @escaping @Sendable (Answer) -> Void) {
        enum Step { case answer(Answer), ask, wait }
        let step: Step = self.state.withLock { state in
            if let known = state.tokens[token], known.isAlive(at: now), !state.isRevoked(known.grant) { return .answer(.granted(known.grant)) }
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
        case .ask: self.world.fetch(token) { self.fetched(token, $0) }
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
                let known = Known(grant: grant, usedAt: now - age, toldAt: now - age)
                guard known.isAlive(at: now), !state.isRevoked(grant) else { break }
                // Whoever is used often is asked for again soon.
                if state.tokens.count >= Self.tokenLimit { state.forgetTokens() }
                state.remember(known, token)
                return (.granted(grant), waiting)
            }
            state.forget(token)
            if state.unknown.count >= Self.unknownLimit { state.unknown.removeAll(keepingCapacity: true) }
            state.unknown[token] = now
            return (.none, waiting)
        }
        for completion in waiting { completion(answer) }
    }

    /// A visitor uses the token now. The others are told at most once in a quarter of its lifetime.
    func used(_ token: TokenDigest, at now: NIODeadline) {
        let tells = self.state.withLock { state in
            guard var known = state.tokens[token], let lifetime = known.grant.lifetime else { return false }
            known.usedAt = max(known.usedAt, now)
            let tells = now - known.toldAt >= .nanoseconds(lifetime.nanoseconds / 4)
            if tells { known.toldAt = now }
            state.tokens[token] = known
            return tells
        }
        if tells { self.world.tellUse(of: token) }
    }

    /// An event loop has ended so many requests that a revocation was about.
    func ended(_ requests: Int) {
        if requests > 0 { self.state.withLock { $0.endedRequests += requests } }
    }

    package var counts: Counts {
        self.state.withLock { state in
            Counts(
                tokens: state.tokens.count, revocations: state.revocations.values.reduce(0) { $0 + $1.count }, endedRequests: state.endedRequests)
        }
    }
}
