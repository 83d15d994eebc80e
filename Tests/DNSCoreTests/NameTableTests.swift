@testable import DNSCore
import Testing

@Suite struct NameTableTests {
    @Test("holds what a dictionary holds, through a long random life of settings and removals")
    func behavesLikeADictionary() throws {
        var generator = SeededGenerator(seed: 20_260_101)
        var table = NameTable(seed: generator.next())
        var model: [DNSName: UInt32] = [:]
        for step in 0..<100_000 {
            let name = try #require(ZoneFixture.origin.child("host-\(UInt32.random(in: 0..<3000, using: &generator))"))
            // Growing and shrinking in turns, so that names are squeezed out and slots are taken again.
            if Bool.random(using: &generator) == (step / 10_000).isMultiple(of: 2) || UInt8.random(in: 0..<4, using: &generator) == 0 {
                table.set(name, to: UInt32(step))
                model[name] = UInt32(step)
            } else {
                table.remove(name)
                model[name] = nil
            }
            #expect(table.find(name) == model[name])
        }
        #expect(table.count == model.count)
        for index in 0..<3000 {
            let name = try #require(ZoneFixture.origin.child("host-\(index)"))
            #expect(table.find(name) == model[name])
        }
    }

    @Test("finds a name in any case")
    func anyCase() {
        var table = NameTable(seed: 5)
        table.set(ZoneFixture.origin, to: 3)
        let asked = [5] + Array("pLaNE".utf8) + [4] + Array("TeSt".utf8) + [0]
        let found = table.find(asked.span)
        #expect(found == 3)
        let below = table.find(asked.span.extracting(6..<asked.count))
        #expect(below == nil)
    }
}
