import PlaneProtocol

/// Makes the tokens that visitors of a backend have to show to the proxy.
enum BearerToken {
    /// Characters of a token. 30 out of 62 different ones are 178 bits.
    static let length = 30
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")

    /// - Parameter generator: must be a cryptographic one, as the system's is.
    static func random(using generator: inout some RandomNumberGenerator) -> Secret {
        Secret(String((0..<self.length).map { _ in self.alphabet[Int.random(in: self.alphabet.indices, using: &generator)] }))
    }
}
