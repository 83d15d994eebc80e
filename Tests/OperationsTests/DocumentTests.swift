import Foundation
import PlaneService
import PlaneTestSupport
import Testing

/// Documents below `dev/docs` that a person follows: what they name is there.
@Suite("Documents") struct DocumentTests {
    static let documents = (try? Repository.files(in: "dev/docs", suffix: ".md")) ?? []

    @Test("there are some")
    func some() { #expect(Self.documents.count >= 3) }

    @Test("every link to a file leads to one", arguments: documents + ["README.md", "dev/README.md"])
    func links(document: String) throws {
        let folder = Repository.root.appending(path: document).deletingLastPathComponent()
        for link in try Repository.text(document).matches(of: #/\]\(([^)#:\s]+)(?:#[^)]*)?\)/#) {
            let target = folder.appending(path: String(link.output.1)).standardizedFileURL
            #expect(FileManager.default.fileExists(atPath: target.path), "\(document) leads to \(link.output.1)")
        }
    }

    @Test("every source, test and script that a sentence names is there", arguments: documents)
    func files(document: String) throws {
        for name in try Repository.text(document).matches(of: #/`((?:Sources|Tests|scripts|dev)/[A-Za-z0-9_\/+.\-]+)`/#) {
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
