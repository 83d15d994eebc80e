import FoundationEssentials

#if canImport(Glibc)
import Glibc
#endif

/// Where a value may lie that does not belong into a configuration file, or not into one that everybody may read:
/// `password = { file = "/run/secrets/nats" }`, or `{ credential = "nats" }` for one that systemd passes (systemd.exec(5), LoadCredential=).
package enum ConfigIndirection: Sendable {
    case nowhere
    /// The value is what the file or credential contains.
    case content
    /// The value is a path, and a credential may stand for it.
    case path

    /// Completes "expected …".
    var expectation: String {
        switch self {
        case .nowhere: ""
        case .content: ", or { file = \"…\" }, or { credential = \"…\" }"
        case .path: ", or { credential = \"…\" }"
        }
    }
}

/// What a configuration may be completed with.
package struct ConfigContext: Sendable {
    /// Where systemd puts the credentials of this service.
    package var credentialsDirectory: String?
    /// Environment variables that are empty, and so set nothing, by the path of the key that each names.
    let emptyVariables: [[String]: String]
    /// Whether the configuration is only looked at, by somebody whom systemd passes no credentials: what they hold is not missed then.
    package var doesWithoutCredentials = false

    package init(environment: [String: String] = [:]) {
        self.credentialsDirectory = environment["CREDENTIALS_DIRECTORY"].flatMap { $0.isEmpty ? nil : $0 }
        self.emptyVariables = ConfigValue.emptyVariables(of: environment)
    }

    /// In place of a secret that is another service's, or that nobody asks for: a text which every kind of secret can be.
    static let placeholder = ConfigValue.string("unavailable")
    /// Keys and tokens are far smaller.
    private static let longestSecret = 65_536

    /// The value that a table stands for; the text of the error says what was found instead.
    func resolve(_ table: [String: ConfigValue], _ elsewhere: ConfigIndirection) -> Result<ConfigValue, Unresolved> {
        guard table.count == 1, let (kind, name) = table.first, let text = name.asString, !text.isEmpty else {
            return .failure(Unresolved("a table"))
        }
        switch (kind, elsewhere) {
        case ("file", .content): return self.content(of: text)
        case ("credential", .content), ("credential", .path):
            guard text != "..", text != ".", !text.contains("/") else { return .failure(Unresolved("the credential name \(TOMLText.quoted(text))")) }
            guard let directory = self.credentialsDirectory else {
                if self.doesWithoutCredentials { return .success(Self.placeholder) }
                return .failure(Unresolved("a credential, but no systemd that passes any (LoadCredential=\(text):… in the service's unit)"))
            }
            let path = "\(directory)/\(text)"
            return elsewhere == .content ? self.content(of: path) : .success(.string(path))
        default: return .failure(Unresolved("a table with \(kind)"))
        }
    }

    /// Without the line feed that editors put at the end.
    private func content(of path: String) -> Result<ConfigValue, Unresolved> {
        guard let file = fopen(path, "re") else { return .failure(Unresolved("a file \(path) that cannot be read: \(String(cString: strerror(errno)))")) }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: Self.longestSecret + 1)
        let count = fread(&bytes, 1, bytes.count, file)
        guard count <= Self.longestSecret else { return .failure(Unresolved("a file \(path) of more than \(Self.longestSecret) bytes")) }
        guard var text = String(validating: bytes[..<count], as: UTF8.self) else { return .failure(Unresolved("a file \(path) that is not text")) }
        while text.last?.isNewline ?? false { text.removeLast() }
        guard !text.isEmpty else { return .failure(Unresolved("a file \(path) without content")) }
        return .success(.string(text))
    }

    struct Unresolved: Error {
        let found: String
        init(_ found: String) { self.found = found }
    }
}
