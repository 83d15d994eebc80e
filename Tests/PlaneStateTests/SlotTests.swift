import Testing

@testable import PlaneState

@Suite("Slots")
struct SlotTests {
    @Test("a key has one slot, a value is found by it, and a slot given back is used again")
    func table() {
        var table = SlotTable<String, Int>()
        let a = table.slot(of: "a", inserting: 1)
        let b = table.slot(of: "b", inserting: 2)
        #expect(table.slot(of: "a", inserting: 9) == a)
        table[a] += 10
        #expect(table[a] == 11)
        #expect(table.key(of: b) == "b")
        table.remove(a)
        #expect(table.slot(of: "a") == nil)
        #expect(table.slot(of: "c", inserting: 3) == a)
        #expect(table.count == 2)
        #expect(Set(table.all) == [a, b])
    }

    @Test("a set keeps its slots in the order they came, each of them once")
    func set() {
        var table = SlotTable<Int, Int>()
        let slots = (0..<4).map { table.slot(of: $0, inserting: 0) }
        var set = SlotSet<Int, Int>()
        func content() -> [Int] {
            var keys: [Int] = []
            set.forEach { keys.append(table.key(of: $0)) }
            return keys
        }
        #expect(set.isEmpty && set.first == nil)
        for slot in [2, 0, 2, 3, 0, 1] { set.insert(slots[slot]) }
        #expect(content() == [2, 0, 3, 1])
        set.remove(slots[2])
        set.remove(slots[2])
        #expect(content() == [0, 3, 1])
        #expect(set.first == slots[0])
        for slot in [3, 0, 1, 2] { set.remove(slots[slot]) }
        #expect(set.isEmpty)
    }
}
