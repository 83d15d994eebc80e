import Foundation

/// A refusal by an authority (RFC 7807, with the types of RFC 8555 §6.7).
package struct ProblemDocument: Error, Hashable, Sendable, CustomStringConvertible {
    /// The part after `urn:ietf:params:acme:error:`, or the whole type if it is from elsewhere; empty if there is none.
    package var type: String
    package var detail: String
    /// HTTP status; 0 for a problem inside of another object.
    package var status: Int
    package var subproblems: [Subproblem]

    /// The part of a refusal that is about one name.
    package struct Subproblem: Hashable, Sendable {
        package var type: String
        package var detail: String
        package var name: String?
    }

    /// How many characters of the authority's text are kept for errors and logs.
    static let textLimit = 500
    /// How many subproblems are kept.
    static let subproblemLimit = 20

    static let urn = "urn:ietf:params:acme:error:"

    package init(type: String, detail: String, status: Int = 0, subproblems: [Subproblem] = []) {
        self.type = type
        self.detail = detail
        self.status = status
        self.subproblems = subproblems
    }

    /// From an answer without success: a problem document, or the error page of a proxy.
    init(_ response: ACMEResponse) {
        if let problem = try? JSONDecoder().decode(ProblemDocument.self, from: Data(response.body)) {
            self = problem
            self.status = response.status
        } else {
            // The error page of a proxy or load balancer has no useful text, so only the status is kept.
            self.init(type: "", detail: "HTTP status \(response.status) without a problem document", status: response.status)
        }
    }

    package var description: String {
        var text = self.type.isEmpty ? self.detail : "\(self.type): \(self.detail)"
        for problem in self.subproblems {
            text += "; \(problem.name.map { "\($0): " } ?? "")\(problem.type): \(problem.detail)"
        }
        return text
    }
}

extension ProblemDocument: Decodable {
    private enum Key: CodingKey { case type, detail, subproblems, identifier, value }

    /// Members that cannot be read are left out, because the rest of a refusal is still useful.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        var subproblems: [Subproblem] = []
        if var list = try? container.nestedUnkeyedContainer(forKey: .subproblems) {
            while !list.isAtEnd, subproblems.count < Self.subproblemLimit, let item = try? list.nestedContainer(keyedBy: Key.self) {
                let identifier = try? item.nestedContainer(keyedBy: Key.self, forKey: .identifier)
                subproblems.append(
                    Subproblem(
                        type: Self.type(in: item), detail: Self.text(in: item, .detail),
                        name: identifier.map { Self.text(in: $0, .value) }))
            }
        }
        self.init(type: Self.type(in: container), detail: Self.text(in: container, .detail), subproblems: subproblems)
    }

    private static func type(in container: KeyedDecodingContainer<Key>) -> String {
        let type = self.text(in: container, .type)
        return type.hasPrefix(Self.urn) ? String(type.dropFirst(Self.urn.count)) : type
    }

    /// The text, shortened and without control characters, since it is shown in terminals.
    private static func text(in container: KeyedDecodingContainer<Key>, _ key: Key) -> String {
        let text = (try? container.decode(String.self, forKey: key)) ?? ""
        let visible = text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : Character($0) }
        return String(visible.prefix(Self.textLimit))
    }
}

extension ACMEError {
    /// Classifies an authority's refusal, and adds what an operator can do.
    init(_ attempt: String, _ problem: ProblemDocument, retryAfter: Duration? = nil) {
        let code: Code
        let hint: String?
        switch problem.type {
        case "badNonce":
            (code, hint) = (.nonceRefused, nil)
        case "rateLimited":
            (code, hint) = (.rateLimited, "the authority limits orders, failures or requests; its answer says which")
        case "externalAccountRequired":
            (code, hint) = (.externalAccountRefused, "the authority wants an external account: set its key id and key")
        case "accountDoesNotExist":
            (code, hint) = (.accountRefused, "the account key belongs to no account at this authority")
        case "unauthorized" where problem.status == 0:
            (code, hint) = (.validationFailed, "the authority saw another value; is the zone delegated to our name servers only?")
        case "unauthorized":
            (code, hint) = (.accountRefused, "was the account deactivated?")
        case "userActionRequired":
            (code, hint) = (.accountRefused, "the authority wants its changed terms to be agreed to by a person")
        case "invalidContact", "unsupportedContact":
            (code, hint) = (.refused, "the authority does not accept the contact address")
        case "caa":
            (code, hint) = (.nameRefused, "a CAA record of the domain or of one above it does not name this authority")
        case "rejectedIdentifier", "unsupportedIdentifier":
            (code, hint) = (.nameRefused, "the authority's policy does not allow a certificate for this name")
        case "dns", "connection", "incorrectResponse", "tls":
            (code, hint) = (.validationFailed, "the authority could not see the challenge's answer; do the zone's name servers answer from outside?")
        case "badPublicKey", "badSignatureAlgorithm", "badCSR":
            (code, hint) = (.refused, "the authority does not accept this kind of key; try another")
        case "serverInternal":
            (code, hint) = (.authorityFault, nil)
        default:
            switch problem.status {
            case 429: (code, hint) = (.rateLimited, nil)
            case 500...: (code, hint) = (.authorityFault, nil)
            case 401, 403: (code, hint) = (.accountRefused, "is the external account's key right?")
            default: (code, hint) = (.refused, nil)
            }
        }
        self.init(code, attempt, hint: hint, retryAfter: retryAfter, cause: problem)
    }

    /// The error for a refused request that binds an account to an external one. Authorities have no type of their own for a wrong key id or key (RFC 8555
    /// §7.3.4 only says that they refuse it), and use those for a request that is malformed or not authorized.
    var blamingExternalAccount: ACMEError {
        guard self.code == .accountRefused || self.code == .refused, let problem = self.cause as? ProblemDocument,
            ["", "malformed", "unauthorized", "accountDoesNotExist"].contains(problem.type)
        else { return self }
        var error = self
        error.code = .externalAccountRefused
        error.hint = "are the external account's key id and key right, and may they be used once more?"
        return error
    }
}
