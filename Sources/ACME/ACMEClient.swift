package import Foundation
import TextEncodings

/// Orders certificates from one authority with one account (RFC 8555).
///
/// Nothing but the account's key is kept between two clients: the authority finds the account by the key.
package actor ACMEClient {
    package struct Options: Sendable {
        /// URL of the directory, which contains all other URLs.
        package var directoryURL: String
        /// `mailto:` URLs.
        package var contacts: [String] = []
        package var externalAccount: ExternalAccount?

        package init(directoryURL: String, contacts: [String] = [], externalAccount: ExternalAccount? = nil) {
            self.directoryURL = directoryURL
            self.contacts = contacts
            self.externalAccount = externalAccount
        }
    }

    enum Signer {
        /// By the account's URL; the account is looked up or made first.
        case account
        /// By the key itself, to look the account up.
        case key
    }

    /// How often one request is sent again because the authority has refused its nonce. Normally once; authorities that share nonces badly between their
    /// machines need a few attempts.
    static let nonceAttemptLimit = 20
    /// How many unused nonces are kept. Each answer brings one, and each request uses one.
    static let nonceLimit = 4
    static let nonceLengthLimit = 512

    let options: Options
    let transport: any ACMETransport
    let key: AccountKey
    let now: @Sendable () -> Date
    let wait: @Sendable (Duration) async throws -> Void

    private var knownDirectory: Directory?
    private var knownAccountURL: String?
    private var nonces: [String] = []

    /// - Parameters:
    ///   - now: the current time, for dates in answers.
    ///   - wait: waits between two polls.
    package init(
        _ options: Options, transport: any ACMETransport, key: AccountKey, now: @escaping @Sendable () -> Date = { Date() },
        wait: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        self.options = options
        self.transport = transport
        self.key = key
        self.now = now
        self.wait = wait
    }

    package func directory() async throws(ACMEError) -> Directory {
        if let knownDirectory { return knownDirectory }
        let attempt = "read the directory \(self.options.directoryURL)"
        let response = try await self.transport.send(ACMERequest(.get, self.options.directoryURL))
        guard response.isSuccess else { throw self.refusal(attempt, response) }
        let directory: Directory = try self.decode(response, attempt, hint: "is it the URL of an ACME directory?")
        self.knownDirectory = directory
        return directory
    }

    /// URL of the account. If the key has no account, one is made (RFC 8555 §7.3).
    @discardableResult
    package func account() async throws(ACMEError) -> String {
        if let knownAccountURL { return knownAccountURL }
        let url = try await self.directory().newAccount
        let attempt = "register an account at \(url)"
        var body = NewAccount(contact: self.options.contacts)
        if let externalAccount = self.options.externalAccount {
            body.externalAccountBinding = try externalAccount.binding(of: try self.key.publicKey(), url: url)
        }
        let response: ACMEResponse
        do {
            response = try await self.post(url, try self.encode(body), attempt, signer: .key)
        } catch {
            throw self.options.externalAccount == nil ? error : error.blamingExternalAccount
        }
        guard let location = response.location else {
            throw ACMEError(.malformedAnswer, attempt, hint: "the answer names no account")
        }
        self.knownAccountURL = location
        return location
    }

    private struct NewAccount: Encodable {
        var termsOfServiceAgreed = true
        var contact: [String]
        var externalAccountBinding: JWS?
    }

    /// Sends a signed request, and repeats it with a new nonce if the authority asks for that (RFC 8555 §6.5).
    func post(
        _ url: String, _ payload: String, _ attempt: String, signer: Signer = .account
    ) async throws(ACMEError) -> ACMEResponse {
        let signer: JWS.Signer =
            switch signer {
            case .account: .keyID(try await self.account())
            case .key: .key(try self.key.publicKey())
            }
        for _ in 0..<Self.nonceAttemptLimit {
            let header = JWS.Header(algorithm: self.key.algorithm, signer: signer, nonce: try await self.takeNonce(), url: url)
            let jws = try JWS(header, payload: payload) { message throws(ACMEError) in try self.key.sign(message) }
            let response = try await self.transport.send(ACMERequest(.post(jws), url))
            self.keepNonce(of: response)
            if response.isSuccess { return response }
            let refusal = self.refusal(attempt, response)
            switch refusal.code {
            case .nonceRefused: continue
            case .accountRefused:
                // The next request looks the account up again.
                self.knownAccountURL = nil
                throw refusal
            default: throw refusal
            }
        }
        throw ACMEError(.nonceRefused, attempt, hint: "\(Self.nonceAttemptLimit) fresh nonces in a row were refused")
    }

    private func takeNonce() async throws(ACMEError) -> String {
        if let nonce = self.nonces.popLast() { return nonce }
        let url = try await self.directory().newNonce
        let response = try await self.transport.send(ACMERequest(.head, url))
        guard response.isSuccess else { throw self.refusal("get a nonce at \(url)", response) }
        guard let nonce = response.nonce, Base64URL.isText(nonce, lengthLimit: Self.nonceLengthLimit) else {
            throw ACMEError(.malformedAnswer, "get a nonce at \(url)", hint: "there is none in the answer")
        }
        return nonce
    }

    private func keepNonce(of response: ACMEResponse) {
        guard let nonce = response.nonce, Base64URL.isText(nonce, lengthLimit: Self.nonceLengthLimit) else { return }
        // The oldest nonce is dropped, because the authority is most likely to have forgotten that one.
        if self.nonces.count == Self.nonceLimit { self.nonces.removeFirst() }
        self.nonces.append(nonce)
    }

    func refusal(_ attempt: String, _ response: ACMEResponse) -> ACMEError {
        ACMEError(attempt, ProblemDocument(response), retryAfter: RetryAfter.read(response.retryAfter, now: self.now()))
    }

    func decode<Value: Decodable>(_ response: ACMEResponse, _ attempt: String, hint: String? = nil) throws(ACMEError) -> Value {
        do {
            return try JSONDecoder().decode(Value.self, from: Data(response.body))
        } catch {
            throw ACMEError(.malformedAnswer, attempt, hint: hint)
        }
    }

    func encode(_ value: some Encodable) throws(ACMEError) -> String {
        do {
            return String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
        } catch {
            throw ACMEError(.invalidInput, "write a request", cause: error)
        }
    }
}
