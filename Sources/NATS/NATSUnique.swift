/// Makes names that are unique across processes.
enum NATSUnique {
    private static let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

    /// 22 random letters and digits (131 bits), one subject token.
    static func token() -> String {
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<22).map { _ in Self.alphabet[Int.random(in: 0..<Self.alphabet.count, using: &generator)] }
        return String(decoding: bytes, as: UTF8.self)
    }
}
