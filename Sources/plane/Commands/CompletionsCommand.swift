import ArgumentParser

struct CompletionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completions", abstract: "Print a script that completes the commands and options in a shell.", usage: "plane completions <shell>",
        discussion: """
            bash  plane completions bash > /etc/bash_completion.d/plane
            zsh   plane completions zsh > "${fpath[1]}/_plane"
            fish  plane completions fish > ~/.config/fish/completions/plane.fish
            """)

    enum Shell: String, CaseIterable, ExpressibleByArgument {
        case bash, zsh, fish

        var shell: CompletionShell {
            switch self {
            case .bash: .bash
            case .zsh: .zsh
            case .fish: .fish
            }
        }
    }

    @Argument(help: "The shell.")
    var shell: Shell

    func run() {
        Console.current.line(PlaneCommand.completionScript(for: self.shell.shell))
    }
}
