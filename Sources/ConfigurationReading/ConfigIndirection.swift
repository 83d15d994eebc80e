import FoundationEssentials

#if canImport(Glibc)
import Glibc
#endif

/// Where a value may be stored instead of in a configuration file that others may read: `password = { file = "/run/secrets/nats" }`, or `{ credential =
/// "nats" }` for a credential that systemd passes (systemd.exec(5), LoadCredential=).
package enum ConfigIndirection: Sendable {
    case nowhere
    /// The value is what the file or credential contains.
    case content
    /// The value is a path, and a credential may be given instead.
    case path

    /// A text that follows "expected".
    var expectation: String {
        switch self {
        case .nowhere: ""
        case .content: ", or { file = \"…\" }, or { credential = \"…\" }"
        case .path: ", or { credential = \"…\" }"
        }
    }
}

/// The context in which a configuration is read.
package struct ConfigContext: Sendable {
    /// Where systemd puts the credentials of this service.
    package var credentialsDirectory: String?
    /// Environment variables that are empty and so set nothing, by the path of their keys.
    let emptyVariables: [[String]: String]
    /// Whether the configuration is only read for display, without the credentials that systemd passes to the service; then missing credentials are no error.
    package var doesWithoutCredentials = false

    package init(environment: [String: String] = [:]) {
        self.credentialsDirectory = environment["CREDENTIALS_DIRECTORY"].flatMap { $0.isEmpty ? nil : $0 }
        self.emptyVariables = ConfigValue.emptyVariables(of: environment)
    }

    /// Stands for a secret that belongs to another service or is not available. Every kind of secret accepts this text.
    static let placeholder = ConfigValue.string("unavailable")
    /// The largest secret in bytes; keys and tokens are far smaller.
    private static let longestSecret = 65_536

    /// The value that a table refers to; the text of the error says what was found instead.
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

    /// The file's contents without the line feed that editors put at the end.
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
