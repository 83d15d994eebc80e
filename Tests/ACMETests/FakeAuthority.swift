import Foundation
import PlaneTestSupport
import SwiftASN1
import Synchronization
import TextEncodings
import X509

@testable import ACME

/// An authority in the test process which does what a test tells it to. It believes every signature: the real one, pebble, checks those.
final class FakeAuthority: ACMETransport {
    struct Behaviour: Sendable {
        /// Signed requests answered with `badNonce` before one is accepted.
        var noncesToRefuse = 0
        /// Polls for which an authorization stays pending, and an order processing.
        var pollsUntilValid = 0
        var processingPolls = 0
        /// Sent with pending authorizations.
        var retryAfter: String?
        var challengeTypes = ["http-01", "dns-01"]
        var validationProblem: String?
        /// Names of the authorizations; those ordered, without wildcards, if nil.
        var authorizedNames: [String]?
        var offersRenewalInformation = false
        var refusesReplacing = false
        /// Names of the certificate; those of the order if nil.
        var certificateNames: [String]?
        /// Answers given in place of the usual ones, by the end of the URL.
        var overrides: [String: ACMEResponse] = [:]
    }

    struct Request: Hashable, Sendable {
        var path: String
        var payload: String
    }

    private struct State {
        var behaviour: Behaviour
        var requests: [Request] = []
        var nonce = 0
        var names: [String] = []
        var certificate: String?
        var polls: [String: Int] = [:]
    }

    static let base = "https://ca.example"
    private let issuer: TestIssuer
    private let state: Mutex<State>

    init(_ behaviour: Behaviour = Behaviour()) throws {
        self.issuer = try TestIssuer()
        self.state = Mutex(State(behaviour: behaviour))
    }

    /// Everything asked for so far, in order.
    var requests: [Request] { self.state.withLock { $0.requests } }

    func client(
        directory: String = "\(FakeAuthority.base)/dir", wait: @escaping @Sendable (Duration) async throws -> Void = { _ in }
    ) -> ACMEClient {
        ACMEClient(
            .init(directoryURL: directory, contacts: ["mailto:ops@a.example"]), transport: self, key: AccountKey(),
            now: { Date(timeIntervalSince1970: 1_700_000_100) }, wait: wait)
    }

    func send(_ request: ACMERequest) async throws(ACMEError) -> ACMEResponse {
        do {
            return try self.state.withLock { try self.answer(request, &$0) }
        } catch {
            throw ACMEError(.malformedAnswer, "answer", cause: error)
        }
    }

    private func answer(_ request: ACMERequest, _ state: inout State) throws -> ACMEResponse {
        let path = String(request.url.dropFirst(Self.base.count))
        var payload = Data()
        var isSigned = false
        if case .post(let jws) = request.method {
            payload = Data(Base64URL.decode(jws.payload.utf8) ?? [])
            isSigned = true
        }
        state.requests.append(Request(path: path, payload: String(decoding: payload, as: UTF8.self)))
        state.nonce += 1
        var response: ACMEResponse
        if isSigned, state.behaviour.noncesToRefuse > 0 {
            state.behaviour.noncesToRefuse -= 1
            response = Self.problem("badNonce", status: 400)
        } else if let override = state.behaviour.overrides[path] {
            response = override
        } else {
            response = try self.usual(path, payload, &state)
        }
        response.nonce = "nonce-\(state.nonce)"
        return response
    }

    private func usual(_ path: String, _ payload: Data, _ state: inout State) throws -> ACMEResponse {
        let parts = path.split(separator: "/").map(String.init)
        switch parts.first {
        case "dir": return Self.json(self.directory(state.behaviour))
        case "nonce": return ACMEResponse(status: 200)
        case "account": return ACMEResponse(status: 201, location: "\(Self.base)/account/1")
        case "new-order":
            let body = try JSONDecoder().decode(NewOrder.self, from: payload)
            if state.behaviour.refusesReplacing, body.replaces != nil { return Self.problem("alreadyReplaced", status: 409) }
            state.names = body.identifiers.map(\.value)
            return self.order(state, "pending", status: 201)
        case "authorization": return self.authorization(parts[1], &state)
        case "challenge": return Self.json("{}")
        case "order":
            let isProven = self.authorizedNames(state).allSatisfy { state.polls[$0, default: 0] > state.behaviour.pollsUntilValid }
            guard state.certificate != nil else {
                return self.order(state, state.behaviour.validationProblem != nil ? "invalid" : isProven ? "ready" : "pending")
            }
            state.behaviour.processingPolls -= 1
            return self.order(state, state.behaviour.processingPolls < 0 ? "valid" : "processing")
        case "finalize":
            let csr = try JSONDecoder().decode([String: String].self, from: payload)["csr"] ?? ""
            let request = try CertificateSigningRequest(derEncoded: Base64URL.decode(csr.utf8) ?? [])
            state.certificate = try self.issuer.chain(
                names: state.behaviour.certificateNames ?? state.names, publicKey: request.publicKey)
            return self.order(state, "processing")
        case "certificate": return ACMEResponse(status: 200, body: Array((state.certificate ?? "").utf8))
        case "renewal":
            return Self.json(#"{"suggestedWindow":{"start":"2025-01-02T04:00:00Z","end":"2025-01-03T04:00:00Z"}}"#)
        default: return ACMEResponse(status: 404)
        }
    }

    private struct NewOrder: Decodable {
        var identifiers: [Authorization.Identifier]
        var replaces: String?
    }

    private func directory(_ behaviour: Behaviour) -> String {
        let renewal = behaviour.offersRenewalInformation ? #","renewalInfo":"\#(Self.base)/renewal""# : ""
        return """
            {"newNonce":"\(Self.base)/nonce","newAccount":"\(Self.base)/account","newOrder":"\(Self.base)/new-order",\
            "unknown":{"x":[1]}\(renewal)}
            """
    }

    private func authorizedNames(_ state: State) -> [String] {
        state.behaviour.authorizedNames ?? state.names
    }

    private func order(_ state: State, _ status: String, status code: Int = 200) -> ACMEResponse {
        let authorizations = self.authorizedNames(state).map { "\"\(Self.base)/authorization/\($0)\"" }.joined(separator: ",")
        let certificate = status == "valid" ? #","certificate":"\#(Self.base)/certificate""# : ""
        return ACMEResponse(
            status: code, location: "\(Self.base)/order/1",
            body: Array(
                #"{"status":"\#(status)","authorizations":[\#(authorizations)],"finalize":"\#(Self.base)/finalize"\#(certificate)}"#.utf8))
    }

    private func authorization(_ name: String, _ state: inout State) -> ACMEResponse {
        // The first look is for the challenges, those after it are polls.
        let polls = state.polls[name, default: -1] + 1
        state.polls[name] = polls
        var status = polls > state.behaviour.pollsUntilValid ? "valid" : "pending"
        var error = ""
        if polls > 0, let problem = state.behaviour.validationProblem {
            status = "invalid"
            error = #","error":{"type":"urn:ietf:params:acme:error:\#(problem)","detail":"seen from here"}"#
        }
        let challenges = state.behaviour.challengeTypes.map {
            #"{"type":"\#($0)","url":"\#(Self.base)/challenge/\#(name)","token":"token-\#(name.count)"\#(error)}"#
        }
        let domain = name.hasPrefix("*.") ? String(name.dropFirst(2)) : name
        var response = Self.json(
            #"{"status":"\#(status)","identifier":{"type":"dns","value":"\#(domain)"},"challenges":[\#(challenges.joined(separator: ","))]}"#)
        response.retryAfter = state.behaviour.retryAfter
        return response
    }

    private static func json(_ text: String) -> ACMEResponse { ACMEResponse(status: 200, body: Array(text.utf8)) }

    static func problem(_ type: String, status: Int, retryAfter: String? = nil) -> ACMEResponse {
        ACMEResponse(
            status: status, retryAfter: retryAfter,
            body: Array(#"{"type":"urn:ietf:params:acme:error:\#(type)","detail":"no"}"#.utf8))
    }
}
