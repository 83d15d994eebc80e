import ArgumentParser
import FoundationEssentials
import Glibc
import PlaneClient
import PlaneProtocol

struct CopyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cp", abstract: "Copy files to a backend's container, or from it.", usage: "plane cp [options] <source> <target>",
        discussion: """
            One of the two is BACKEND:/path. Directories go with all in them. What is copied lands in the target, which is a directory that exists. \
            The container needs no program for it; this machine needs tar.
            """)

    @Argument(help: ArgumentHelp("What to copy: a path here, or BACKEND:/path.", valueName: "source"))
    var source: String

    @Argument(help: ArgumentHelp("The directory to copy it into: a path here, or BACKEND:/path.", valueName: "target"))
    var target: String

    @OptionGroup(title: "Connection and output") var global: GlobalOptions

    /// A path on this machine or in a container.
    enum Place: Equatable {
        case here(String)
        case container(BackendReference, String)

        /// A path in a container is absolute, so a name on this machine with a colon and no slash after it is not taken for one. The colon in
        /// the `://` of a URL is skipped.
        init(_ text: String) {
            guard let colon = text.ranges(of: ":/").first(where: { !text[$0.upperBound...].hasPrefix("/") })?.lowerBound, !text.hasPrefix("/"),
                let reference = BackendReference(String(text[..<colon]))
            else {
                self = .here(text)
                return
            }
            self = .container(reference, String(text[text.index(after: colon)...]))
        }
    }

    /// A path of the container that is no absolute one, which would be taken for a file here.
    private static func relative(_ text: String) -> (backend: Substring, path: Substring)? {
        guard case .here = Place(text), let colon = text.firstIndex(of: ":"), !text.hasPrefix("/"), !text.hasPrefix("."),
            BackendReference(String(text[..<colon])) != nil, !Self.exists(text)
        else { return nil }
        return (text[..<colon], text[text.index(after: colon)...])
    }

    mutating func validate() throws {
        for text in [self.source, self.target] {
            guard let (backend, path) = Self.relative(text) else { continue }
            throw ValidationError("Behind the colon belongs a path that begins with a slash: \(backend):/\(path)")
        }
        switch (Place(self.source), Place(self.target)) {
        case (.here, .container), (.container, .here): return
        case (.here, .here): throw ValidationError("One of the two is in a container: BACKEND:/path.")
        case (.container, .container): throw ValidationError("One of the two is on this machine.")
        }
    }

    func run() async throws {
        switch (Place(self.source), Place(self.target)) {
        case (.here(let path), .container(let backend, let directory)):
            guard Self.exists(path) else { throw self.usage("There is no \(path) here.") }
            let url = URL(fileURLWithPath: path).standardizedFileURL
            let tar = try self.tar(["-C", url.deletingLastPathComponent().path, "-cf", "-", "--", url.lastPathComponent], packs: true)
            try await self.copy(.copyTo(path: directory), backend, ExecEnds(nextInput: { await tar.read() }) { _, _ in })
            try await self.finish(tar)
        case (.container(let backend, let path), .here(let directory)):
            guard Self.isDirectory(directory) else { throw self.usage("\(directory) is no directory here.") }
            let tar = try self.tar(Self.unpacking(path, into: directory), packs: false)
            try await self.copy(.copyFrom(path: path), backend, ExecEnds { _, bytes in await tar.write(bytes) })
            try await self.finish(tar)
        case (.here, .here), (.container, .container): preconditionFailure("refused before")
        }
    }

    /// What tar unpacks. The archive comes from the drone's agent, which may be a stolen one's: nothing but the file or directory that was asked for is
    /// taken out of it, and nothing of it keeps an owner or rights beyond those of this user.
    ///
    /// Docker names the content of a directory that is asked for as `/path/.` by `.` alone; then all of it is what was asked for.
    static func unpacking(_ path: String, into directory: String) -> [String] {
        let arguments = ["-C", directory, "--no-same-owner", "--no-same-permissions", "-xf", "-"]
        guard let name = path.split(separator: "/").last.map(String.init), name != ".", name != ".." else { return arguments }
        return arguments + ["--no-wildcards", "--", name]
    }

    private func copy(_ work: ExecRequest.Work, _ reference: BackendReference, _ ends: ExecEnds) async throws {
        try await self.global.run { client, console in
            let found = try await client.find(reference)
            guard let cluster = found.cluster else { throw PlaneError.unknownBackend(found.id, nil) }
            _ = try await client.exec(work, in: found.id, of: cluster, requestedBy: Requester.name(console.environment), ends)
        }
    }

    private func tar(_ arguments: [String], packs: Bool) throws -> TarProcess {
        do throws(CommandError) {
            return try TarProcess(arguments, packs: packs)
        } catch {
            Console.current.fail(error)
            throw ExitCode(error.status.rawValue)
        }
    }

    private static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    private static func isDirectory(_ path: String) -> Bool {
        var information = stat()
        return stat(path, &information) == 0 && information.st_mode & S_IFMT == S_IFDIR
    }

    private func finish(_ tar: TarProcess) async throws {
        let status = await tar.end()
        guard status == 0 else { throw ExitCode(CommandStatus.failed.rawValue) }  // tar has said why
    }

    private func usage(_ sentence: String) -> ExitCode {
        Console.current.fail(CommandError(.usage, sentence))
        return ExitCode(CommandStatus.usage.rawValue)
    }
}
