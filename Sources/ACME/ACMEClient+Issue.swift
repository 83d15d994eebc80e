import Foundation
import TextEncodings

/// A certificate to be ordered.
package struct CertificateOrder: Sendable {
    /// Domain names; a wildcard begins with `*.`.
    package var names: [String]
    package var key: CertificateKey
    /// `CertificateChain.renewalID` of the certificate to be replaced, for authorities that count renewals separately (RFC 9773 §5).
    package var replaces: String?

    package init(names: [String], key: CertificateKey, replaces: String? = nil) {
        self.names = names
        self.key = key
        self.replaces = replaces
    }
}

extension ACMEClient {
    /// How many authorizations an order may have; there is one for each name. An authority that lists more is refused.
    private static let authorizationLimit = 100

    /// Orders a certificate, proves control of the names, finalizes the order, downloads the certificate (RFC 8555 §7.4, in the order of its figure), and
    /// checks it.
    package func issue(_ request: CertificateOrder, solver: some ChallengeSolver) async throws(ACMEError) -> CertificatePair {
        let names = request.names.joined(separator: ", ")
        let attempt = "order a certificate for \(names) at \(self.options.directoryURL)"
        var (url, order) = try await self.place(request, attempt)
        if order.status == .pending {
            try await self.prove(order, of: request, solver)
            order = try await self.poll(url, "get the order for \(names) ready") { $0.status != .pending }
        }
        if order.status == .ready {
            let body = ["csr": try SigningRequest.make(names: request.names, key: request.key)]
            let response = try await self.post(order.finalize, try self.encode(body), "finalise the order for \(names)")
            order = try self.decode(response, "finalise the order for \(names)")
            if order.status != .valid {
                order = try await self.poll(url, "have the certificate for \(names) signed", first: response) {
                    $0.status == .valid || $0.status == .invalid
                }
            }
        }
        guard order.status == .valid, let certificate = order.certificate else {
            throw self.failure(of: order, attempt)
        }
        return try await self.download(certificate, request)
    }

    private func failure(of order: Order, _ attempt: String) -> ACMEError {
        guard let problem = order.error else {
            return ACMEError(.malformedAnswer, attempt, hint: "the order is \(order.status) and names no certificate")
        }
        return ACMEError(attempt, problem)
    }

    // MARK: Placing

    private struct NewOrder: Encodable {
        var identifiers: [Authorization.Identifier]
        var replaces: String?
    }

    private func place(_ request: CertificateOrder, _ attempt: String) async throws(ACMEError) -> (url: String, Order) {
        let directory = try await self.directory()
        var body = NewOrder(identifiers: request.names.map { .init(type: "dns", value: $0) })
        if directory.renewalInfo != nil { body.replaces = request.replaces }
        var response: ACMEResponse
        do {
            response = try await self.post(directory.newOrder, try self.encode(body), attempt)
        } catch where body.replaces != nil && [.refused, .accountRefused].contains(error.code) {
            // The certificate was replaced before, or by another account, so the order is repeated without `replaces`.
            body.replaces = nil
            response = try await self.post(directory.newOrder, try self.encode(body), attempt)
        }
        guard let url = response.location else {
            throw ACMEError(.malformedAnswer, attempt, hint: "the answer does not say where the order is")
        }
        let order: Order = try self.decode(response, attempt)
        guard order.authorizations.count <= Self.authorizationLimit else {
            throw ACMEError(.malformedAnswer, attempt, hint: "\(order.authorizations.count) authorizations for \(request.names.count) names")
        }
        return (url, order)
    }

    // MARK: Proving

    /// A name that has to be proven.
    private struct OpenChallenge {
        let authorizationURL: String
        let url: String
        let record: ChallengeRecord
    }

    /// Publishes all values before the authority is told of the first one, because a domain and its wildcard share a name.
    private func prove(_ order: Order, of request: CertificateOrder, _ solver: some ChallengeSolver) async throws(ACMEError) {
        var open: [OpenChallenge] = []
        for url in order.authorizations {
            if let challenge = try await self.openChallenge(url, of: request) { open.append(challenge) }
        }
        var presented: [ChallengeRecord] = []
        let outcome: Result<Void, ACMEError>
        do throws(ACMEError) {
            for challenge in open {
                presented.append(challenge.record)
                try await self.present(challenge.record, solver)
            }
            for challenge in open {
                _ = try await self.post(challenge.url, "{}", "ask for validation of \(challenge.record.domain)")
            }
            for challenge in open { try await self.awaitValidation(challenge) }
            outcome = .success(())
        } catch {
            outcome = .failure(error)
        }
        for record in presented.reversed() { await solver.cleanUp(record) }
        try outcome.get()
    }

    /// The challenge to solve for an authorization; nil if the authorization is valid already.
    private func openChallenge(_ url: String, of request: CertificateOrder) async throws(ACMEError) -> OpenChallenge? {
        let attempt = "read the authorization \(url)"
        let authorization: Authorization = try self.decode(try await self.post(url, "", attempt), attempt)
        let domain = authorization.identifier.value.lowercased()
        guard request.names.contains(where: { $0.lowercased() == domain || $0.lowercased() == "*.\(domain)" }) else {
            throw ACMEError(.malformedAnswer, attempt, hint: "it is for a name that was not ordered")
        }
        switch authorization.status {
        case .valid: return nil
        case .pending: break
        case .invalid, .deactivated, .expired, .revoked:
            throw self.failure(of: authorization, attempt)
        }
        guard let challenge = authorization.challenges.first(where: { $0.type == Challenge.dns }) else {
            let kinds = authorization.challenges.map(\.type).joined(separator: ", ")
            throw ACMEError(.noUsableChallenge, attempt, hint: "offered for \(domain): \(kinds.prefix(ProblemDocument.textLimit))")
        }
        guard let token = challenge.token, Base64URL.isText(token, lengthLimit: Self.nonceLengthLimit) else {
            throw ACMEError(.malformedAnswer, attempt, hint: "the challenge has no usable token")
        }
        return OpenChallenge(
            authorizationURL: url, url: challenge.url,
            record: ChallengeRecord(domain: domain, token: token, key: try self.key.publicKey()))
    }

    private func present(_ record: ChallengeRecord, _ solver: some ChallengeSolver) async throws(ACMEError) {
        do {
            try await solver.present(record)
        } catch is CancellationError {
            throw ACMEError(.cancelled, "publish \(record.name)")
        } catch {
            throw ACMEError(.challengeNotPresented, "publish \(record.name)", cause: error)
        }
    }

    private func awaitValidation(_ challenge: OpenChallenge) async throws(ACMEError) {
        let attempt = "prove control of \(challenge.record.domain)"
        let authorization: Authorization = try await self.poll(challenge.authorizationURL, attempt) { $0.status != .pending }
        guard authorization.status == .valid else { throw self.failure(of: authorization, attempt) }
    }

    private func failure(of authorization: Authorization, _ attempt: String) -> ACMEError {
        guard let problem = authorization.problem else {
            return ACMEError(.validationFailed, attempt, hint: "the authorization is \(authorization.status)")
        }
        return ACMEError(attempt, problem)
    }

    // MARK: Polling and downloading

    /// Asks for an object until `isDecided`. While the authority cannot be reached or fails, attempts continue to the end of the schedule.
    /// - Parameter first: an answer that has come already, for its `Retry-After`.
    private func poll<Object: Decodable>(
        _ url: String, _ attempt: String, first: ACMEResponse? = nil, until isDecided: (Object) -> Bool
    ) async throws(ACMEError) -> Object {
        var schedule = PollSchedule()
        var retryAfter = RetryAfter.read(first?.retryAfter, now: self.now())
        var mayAskAtOnce = first == nil
        var lastFailure: ACMEError?
        while true {
            if !mayAskAtOnce {
                guard let wait = schedule.next(retryAfter: retryAfter) else { break }
                do { try await self.wait(wait) } catch { throw ACMEError(.cancelled, attempt) }
            }
            mayAskAtOnce = false
            do throws(ACMEError) {
                let response = try await self.post(url, "", attempt)
                let object: Object = try self.decode(response, attempt)
                if isDecided(object) { return object }
                retryAfter = RetryAfter.read(response.retryAfter, now: self.now())
                lastFailure = nil
            } catch {
                guard [.unreachable, .authorityFault, .rateLimited].contains(error.code) else { throw error }
                retryAfter = error.retryAfter
                lastFailure = error
            }
        }
        throw lastFailure ?? ACMEError(.undecided, attempt, hint: "the authority needs longer than we wait")
    }

    private func download(_ url: String, _ request: CertificateOrder) async throws(ACMEError) -> CertificatePair {
        let response = try await self.post(url, "", "download the certificate \(url)")
        let chain = try CertificateChain(pem: String(decoding: response.body, as: UTF8.self))
        try chain.checkLinks()
        let pair = try CertificatePair(chain: chain, key: request.key)
        try pair.check(names: request.names, now: self.now())
        return pair
    }
}
