import Foundation
import PlaneService
import PlaneTestSupport
import Testing

/// README.md, dev/README.md and `dev/docs`, which a person follows: what they name is there.
@Suite("Documents") struct DocumentTests {
    static let guides = (try? Repository.files(in: "dev/docs", suffix: ".md")) ?? []
    static let documents = guides + ["README.md", "dev/README.md"]

    @Test("there are some")
    func some() { #expect(Self.guides.count >= 10) }

    @Test("the README can be read in one go, and leads to every document, as their index does")
    func reach() throws {
        let readme = try Repository.text("README.md")
        #expect(readme.split(separator: "\n", omittingEmptySubsequences: false).count <= 201)
        let index = try Repository.text("dev/docs/README.md")
        for guide in Self.guides where guide != "dev/docs/README.md" {
            #expect(readme.contains("](\(guide)"), "README.md does not lead to \(guide)")
            #expect(index.contains("](\(guide.replacing("dev/docs/", with: "")))"), "dev/docs/README.md does not lead to \(guide)")
        }
    }

    @Test("every difference from 0.3.24 that has a code is held by a test that names it")
    func differences() throws {
        let codes = try Repository.text("dev/docs/from-0.3.md").matches(of: #/(?m)^\| ([A-Z][0-9]+) \|/#).map { String($0.output.1) }
        #expect(codes.count > 80)
        let tests = try Repository.files(in: "Tests", suffix: ".swift").map(Repository.text).joined()
        let named = Set(tests.matches(of: #/\b[A-Z][0-9]+\b/#).map { String($0.output) })
        for code in codes { #expect(named.contains(code), "\(code)") }
    }

    @Test("every link to a file or a section leads to one", arguments: documents)
    func links(document: String) throws {
        let folder = Repository.root.appending(path: document).deletingLastPathComponent()
        for link in try Repository.text(document).matches(of: #/\]\(([^)#:\s]*)(?:#([^)]*))?\)/#) {
            let name = String(link.output.1)
            let target = name.isEmpty ? Repository.root.appending(path: document) : folder.appending(path: name).standardizedFileURL
            #expect(FileManager.default.fileExists(atPath: target.path), "\(document) leads to \(name)")
            guard let section = link.output.2, target.pathExtension == "md" else { continue }
            let sections = try Self.sections(of: String(contentsOf: target, encoding: .utf8))
            #expect(sections.contains(String(section)), "\(document) leads to \(name)#\(section)")
        }
    }

    /// The headings, as a link names them: in lower case, with hyphens for spaces and without other marks.
    private static func sections(of text: String) throws -> Set<String> {
        Set(
            text.matches(of: #/(?m)^#+ (.+)$/#).map {
                $0.output.1.lowercased().replacing(" ", with: "-").filter { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" }
            })
    }

    @Test("every source, test and script that a sentence names is there", arguments: documents)
    func files(document: String) throws {
        for name in try Repository.text(document).matches(of: #/`((?:Sources|Tests|scripts|dev)/[A-Za-z0-9_\/+.\-]+)[` ]/#) {
            let path = String(name.output.1)
            #expect(FileManager.default.fileExists(atPath: Repository.root.appending(path: path).path), "\(document) names \(path)")
        }
    }

    @Test("the table of targets has each of them, in the layer that scripts/check.sh holds it to")
    func targets() throws {
        let check = try Repository.text("scripts/check.sh")
        let folders = try FileManager.default.contentsOfDirectory(atPath: Repository.root.appending(path: "Sources").path).sorted()
        let layers = try folders.map { folder in
            let layer = try #require(check.firstMatch(of: try Regex("\\[\(folder)\\]=([0-9])")), "\(folder)").output[1].substring ?? ""
            return "\(folder): \(layer)"
        }
        let rows = try Repository.text("dev/docs/architecture.md").matches(of: #/(?m)^\| ([0-9]) \| `([^`]+)` \|/#)
            .map { "\($0.output.2): \($0.output.1)" }
        #expect(rows.sorted() == layers.sorted())
    }

    @Test("what layers 0 and 1 use of ours is what Package.swift gives them, and in layer 0 what scripts/check.sh lets them import")
    func uses() throws {
        let package = try Repository.text("Package.swift")
        let check = try Repository.text("scripts/check.sh")
        let layers = Dictionary(
            uniqueKeysWithValues: check.matches(of: #/\[([A-Za-z0-9-]+)\]=([0-9])/#).map { (String($0.output.1), String($0.output.2)) })
        let sideways = Dictionary(
            uniqueKeysWithValues: check.matches(of: #/\[([A-Za-z]+)\]="([A-Za-z ]+)"/#).map {
                (String($0.output.1), Set($0.output.2.split(separator: " ").map(String.init)))
            })
        let rows = try Repository.text("dev/docs/architecture.md").matches(of: #/(?m)^\| [01] \| `([^`]+)` \| .* \| ([^|]+) \|$/#)
        #expect(rows.count == layers.values.count { $0 == "0" || $0 == "1" })
        for row in rows {
            let target = String(row.output.1)
            let told = Set(row.output.2.matches(of: #/`([^`]+)`/#).map { String($0.output.1) })
            let declaration = package.firstMatch(of: try Regex("library\\(\\s*\"\(target)\", \\[([^\\]]*)\\]"))?.output[1].substring ?? ""
            let given = Set(declaration.matches(of: #/"([^"]+)"/#).map { String($0.output.1) })
            #expect(told == given, "\(target)")
            guard layers[target] == "0" else { continue }
            #expect(sideways[target] ?? [] == given.filter { !$0.starts(with: #/C[A-Z]/#) }, "\(target)")
        }
    }

    @Test("the change log begins with this version, which is newer to a package manager than any number of Plane's")
    func version() async throws {
        let newest = try Repository.text("dev/docs/changes.md").firstMatch(of: #/(?m)^## (.+)$/#).map { String($0.output.1) }
        #expect(newest == BuildInformation.version)
        #expect(BuildInformation.version.wholeMatch(of: #/20[0-9]{2}\.(?:[1-9]|1[0-2])\.[0-9]+/#) != nil)
        for number in ["0.3.24", "0.4.0", "0.5.9"] {
            try await TestProcess.run("/usr/bin/dpkg", ["--compare-versions", BuildInformation.version, "gt", number])
        }
    }
}
