/// The URLs of an authority's services (RFC 8555 §7.1.1).
package struct Directory: Hashable, Sendable, Decodable {
    package struct Meta: Hashable, Sendable, Decodable {
        package var termsOfService: String?
        package var externalAccountRequired: Bool?
    }

    package var newNonce: String
    package var newAccount: String
    package var newOrder: String
    /// Offered by authorities that suggest when to renew (RFC 9773 §3).
    package var renewalInfo: String?
    package var meta: Meta?
}
