import Testing

@testable import DroneCore

@Suite struct EntryDocumentTests {
    @Test("it is its length, two counts and the texts, each with a NUL")
    func layout() {
        let document = EntryDocument(arguments: ["sh", ""], environment: ["A=ö"])
        #expect(document.bytes == [17, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0] + Array("sh\0\0A=ö\0".utf8))
    }

    @Test("what cannot be told is not: no program, a NUL, too much", arguments: [[], ["a\0b"], [String(repeating: "x", count: EntryDocument.limitBytes)]])
    func untold(arguments: [String]) {
        #expect(EntryDocument(arguments: arguments, environment: []).bytes == nil)
    }

    @Test("the environment is what Docker makes of a request and an image, in Docker's order")
    func environment() {
        #expect(
            EntryDocument.environment(["PORT": "8080", "LEVEL": "mine", "A": "b=c"], image: ["PATH=/bin", "LEVEL=image", "LANG=C"]) == [
                "PATH=/bin", "HOSTNAME", "A=b=c", "LEVEL=mine", "PORT=8080", "LANG=C",
            ])
        #expect(
            EntryDocument.environment(["PATH": "/own", "HOSTNAME": "me"], image: ["PATH=/bin"]) == ["PATH=/own", "HOSTNAME=me"])
        #expect(
            EntryDocument.environment([:], image: []) == ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME"])
    }
}
