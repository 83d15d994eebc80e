package import ACME

/// Issues certificates.
///
/// Calls come one at a time. Nothing is remembered between two calls but the account's key.
package protocol CertificateAuthority: Sendable {
    /// - Parameter replaces: `renewalID` of the certificate that is to be replaced.
    func issue(names: [String], replaces: String?) async throws -> CertificatePair
    /// When the authority would like the certificate to be renewed (RFC 9773); nil if it offers no such information.
    func renewalInformation(for chain: CertificateChain) async throws -> RenewalInformation?
}

/// An authority that speaks ACME.
package struct ACMEAuthority<Solver: ChallengeSolver>: CertificateAuthority {
    private let options: ACMEClient.Options
    private let transport: HTTPClientTransport.Options
    private let accountKey: AccountKeyFile
    private let keyKind: CertificateKey.Kind
    private let solver: Solver

    package init(
        _ options: ACMEClient.Options, transport: HTTPClientTransport.Options, accountKey: AccountKeyFile, keyKind: CertificateKey.Kind,
        solver: Solver
    ) {
        self.options = options
        self.transport = transport
        self.accountKey = accountKey
        self.keyKind = keyKind
        self.solver = solver
    }

    package func issue(names: [String], replaces: String?) async throws -> CertificatePair {
        let account = try self.accountKey.loadOrMake()
        let order = CertificateOrder(names: names, key: try await CertificateKey.generate(self.keyKind), replaces: replaces)
        return try await withHTTPClientTransport(self.transport) { transport throws(ACMEError) in
            try await ACMEClient(self.options, transport: transport, key: account).issue(order, solver: self.solver)
        }
    }

    package func renewalInformation(for chain: CertificateChain) async throws -> RenewalInformation? {
        // This request needs no account, so no account is made.
        try await withHTTPClientTransport(self.transport) { transport throws(ACMEError) in
            try await ACMEClient(self.options, transport: transport, key: AccountKey()).renewalInformation(for: chain)
        }
    }
}
