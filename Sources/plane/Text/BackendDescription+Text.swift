import PlaneClient
import PlaneProtocol

extension BackendDescription {
    /// What it would give a container beyond its image and the drone's usual network, and so to whoever made the image.
    var grants: [String] {
        let executable = self.request.executable
        var grants = executable.volumeMounts.map { "the mount \($0)" }
        switch executable.dataMount {
        case .path(let path)?: grants.append("the shared directory \(path)")
        // The directory of its own key, whose lock schedulers know it by.
        case .key(let namespace, let name)? where namespace == self.request.key?.namespace && name == self.request.key?.name: break
        case .key("", let name)? where name == self.request.lock?.rawValue: break
        case .key(_, let name)?: grants.append("the directory of the key \(name)")
        case nil: break
        }
        if let network = executable.network { grants.append("the network \(network)") }
        switch executable.credentials {
        case .usernamePassword(let name, _)?: grants.append("the credentials of \(name) for its registry")
        case .identityToken?: grants.append("a token for its registry")
        case nil: break
        }
        return grants
    }

    /// - Parameter backend: which is described.
    func lines(of backend: BackendID) -> [String] {
        let executable = self.request.executable
        var line = "By the account of \(self.drone), \(backend) runs \(Self.shown(executable.image))"
        let command = (executable.process.command ?? []) + (executable.process.args ?? [])
        if !command.isEmpty { line += ", as \(Self.shown(command.joined(separator: " ")))" }
        if !executable.env.isEmpty { line += ", with the variables \(Self.shown(executable.env.keys.sorted().joined(separator: ", ")))" }
        let grants = self.grants
        var lines = [line + (grants.isEmpty ? "." : ", and gets:")] + grants.prefix(Self.mostLines).map { "  \(Self.shown($0))" }
        if grants.count > Self.mostLines { lines.append("  and \(grants.count - Self.mostLines) more") }
        return lines
    }

    private static let mostLines = 30
    /// Of each text that a drone has chosen, in characters.
    private static let longest = 500

    private static func shown(_ text: String) -> String { String(text.prefix(self.longest)).printable + (text.count > self.longest ? "…" : "") }
}
