extension ACMEClient {
    /// When the authority suggests to renew `chain`; nil if it has no such service, or the chain has no id for it (RFC 9773 §4).
    package func renewalInformation(for chain: CertificateChain) async throws(ACMEError) -> RenewalInformation? {
        guard let base = try await self.directory().renewalInfo, let id = chain.renewalID else { return nil }
        let attempt = "ask when to renew the certificate at \(base)"
        let response = try await self.transport.send(ACMERequest(.get, base.hasSuffix("/") ? base + id : "\(base)/\(id)"))
        guard response.isSuccess else { throw self.refusal(attempt, response) }
        guard let information = RenewalInformation(response, now: self.now()) else {
            throw ACMEError(.malformedAnswer, attempt)
        }
        return information
    }
}
