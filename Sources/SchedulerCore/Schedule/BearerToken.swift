import PlaneProtocol

/// What the proxy asks visitors of a backend for.
enum BearerToken {
    /// 30 of 62 characters are 178 bits, which nobody guesses.
    static let length = 30
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")

    /// - Parameter generator: must be a cryptographic one, as the system's is.
    static func random(using generator: inout some RandomNumberGenerator) -> Secret {
        Secret(String((0..<self.length).map { _ in self.alphabet[Int.random(in: self.alphabet.indices, using: &generator)] }))
    }
}
